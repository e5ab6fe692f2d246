#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"
#include "neurosplat/systems/iterative_vae/prior_samples.h"
#include "systems/iterative_vae/command_model.h"

namespace neurosplat::apps {
namespace {

struct Request {
  std::filesystem::path model, out = "samples.png";
  std::string range = "auto";
  std::int64_t count = 64, columns = 8, seed = 0, zoom = 4;
  int threads = 0;
  bool overwrite = false;
};

void check(const Request& request) {
  checked_seed(request.seed);
  if (request.range != "auto" && request.range != "unit" && request.range != "signed") {
    throw UsageError(text("range: expected auto, unit or signed, got '", request.range, "'"));
  }
  if (request.columns < 1) throw UsageError("columns: expected at least 1");
  if (request.zoom < 1 || request.zoom > 16) {
    throw UsageError(text("zoom: expected 1 to 16, got ", request.zoom));
  }
  if (request.out.empty()) throw UsageError("out: expected a file to write, got an empty name");
  Outputs outputs(request.overwrite);
  outputs.reads("model", request.model, kIterativeVaeFileNames);
  outputs.writes("out", request.out);
  outputs.check();
}

bool in_unit_range(const Request& request, const StoredIterativeVae& stored) {
  if (request.range != "auto") return request.range == "unit";
  const auto dataset = stored.metadata.find("dataset");
  return dataset != stored.metadata.end() && dataset->second == "mnist";
}

/// Grey [N, pixels] in [0, 1]; of whitened ones all on one scale, 0 at middle grey.
at::Tensor grey_of(const at::Tensor& samples, bool unit_range) {
  if (unit_range) return samples.clamp(0.0, 1.0);
  const double largest = samples.abs().max().item<double>();
  return 0.5 + 0.5 * samples / (largest > 0.0 ? largest : 1.0);
}

int draw_samples(const Request& request) {
  check(request);
  use_threads(request.threads);
  const auto stored = read_iterative_vae(request.model);
  const auto side = patch_side(stored.model);
  constexpr std::int64_t kMostPixels = std::int64_t{1} << 26U;
  const auto samples = prior_samples(stored.model, request.count, checked_seed(request.seed));
  if (samples.numel() > kMostPixels / (request.zoom * request.zoom)) {
    throw UsageError(text("count and zoom: expected at most ", kMostPixels, " pixels, got ",
                          samples.numel() * request.zoom * request.zoom));
  }
  const auto pictures = grey_of(samples, in_unit_range(request, stored))
                            .view({-1, 1, side, side})
                            .repeat_interleave(request.zoom, 2)
                            .repeat_interleave(request.zoom, 3)
                            .expand({-1, 3, -1, -1});
  write_png(request.out, picture_grid(pictures, std::min(request.columns, request.count)));
  std::printf("%lld pictures: %s\n", static_cast<long long>(request.count), request.out.c_str());
  return 0;
}

}  // namespace

void add_sample_iterative_vae(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("iterative-vae", "Patches or digits decoded from the learned prior.",
                              [request] { return draw_samples(*request); });
  add_iterative_vae_option(command, request->model);
  command.add_option("--count", request->count, "pictures")->capture_default_str();
  command.add_option("--columns", request->columns, "pictures a row")->capture_default_str();
  command.add_option("--seed", request->seed, "seed of the latents")->capture_default_str();
  command
      .add_option("--range", request->range,
                  "what is black and white: unit, 0 and 1; signed, minus and plus the largest "
                  "number; auto: unit for a model of digits")
      ->capture_default_str();
  command.add_option("--zoom", request->zoom, "pixels of the sheet a pixel")->capture_default_str();
  command.add_option("--out", request->out, "PNG file to write")->capture_default_str();
  add_overwrite_option(command, request->overwrite);
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
