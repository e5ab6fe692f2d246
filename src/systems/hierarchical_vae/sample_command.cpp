#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/sample_writer.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/hierarchical_vae/commands.h"
#include "neurosplat/systems/hierarchical_vae/model_file.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kAtATime = 32;

struct Request {
  fs::path model, out = "samples.png";
  std::string device = "auto";
  std::int64_t count = 64, columns = 8, seed = 0;
  double temperature = 0.8;
  int threads = 0;
  bool overwrite = false;
};

void check(const Request& request) {
  if (request.count < 1 || request.count > 65536) {
    throw UsageError(text("count: expected 1 to 65536 pictures, got ", request.count));
  }
  if (request.columns < 1) throw UsageError("columns: expected at least 1");
  if (request.seed < 0 || request.threads < 0) {
    throw UsageError("seed and threads: expected at least 0");
  }
  if (!(request.temperature >= 0 && request.temperature <= 10)) {
    throw UsageError(text("temperature: expected 0 to 10, got ", request.temperature));
  }
  if (request.out.empty()) throw UsageError("out: expected a file or folder, got an empty name");
  Outputs outputs(request.overwrite);
  outputs.reads("model", request.model, kHierarchicalVaeFileNames);
  if (is_sheet(request.out)) {
    outputs.writes("out", request.out);
  } else {
    outputs.writes("out", request.out, {kSampleFiles});
  }
  outputs.check();
}

int draw_samples(Request request) {
  if (request.model.empty()) request.model = shipped_file("hvae-flowers.safetensors");
  check(request);
  use_threads(request.threads);
  const auto model = load_hierarchical_vae(request.model).model;
  model.to(device_from_name(request.device));
  const SheetSize sheet{request.count, std::min(request.columns, request.count),
                        model.architecture().image_size};
  SampleWriter writer(request.out, is_sheet(request.out) ? std::optional(sheet) : std::nullopt);
  const auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(request.seed));
  for (std::int64_t done = 0; done < request.count; done += kAtATime) {
    const auto some = std::min(kAtATime, request.count - done);
    writer.add(model.sample(some, request.temperature, generator).cpu());
  }
  writer.finish();
  std::printf("%lld pictures: %s\n", static_cast<long long>(request.count), request.out.c_str());
  return 0;
}

}  // namespace

void add_sample_hierarchical_vae(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command =
      program.add("hierarchical-vae", "Pictures drawn from the prior of a hierarchical VAE.",
                  [request] { return draw_samples(*request); });
  command.add_option("--model", request->model,
                     "run folder or .safetensors file; default: the shipped hvae-flowers");
  command.add_option("--count", request->count, "pictures")->capture_default_str();
  command.add_option("--columns", request->columns, "pictures a row")->capture_default_str();
  command
      .add_option("--temperature", request->temperature,
                  "factor of every latent's deviation; 0: one picture, that of the priors' means")
      ->capture_default_str();
  command.add_option("--seed", request->seed, "seed of the noise")->capture_default_str();
  command
      .add_option("--out", request->out,
                  "PNG file of all pictures, or a folder for a file each, sample_#####.png")
      ->capture_default_str();
  add_overwrite_option(command, request->overwrite);
  command.add_option("--device", request->device, "cpu, cuda or auto")->capture_default_str();
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
