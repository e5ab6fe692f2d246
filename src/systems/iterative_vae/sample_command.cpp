#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"
#include "neurosplat/systems/iterative_vae/prior_samples.h"
#include "systems/iterative_vae/command_model.h"
#include "systems/iterative_vae/patch_sheets.h"

namespace neurosplat::apps {
namespace {

struct Request {
  std::filesystem::path model, out = "samples.png";
  std::string range = "auto";
  std::int64_t count = 64, columns = 8, seed = 0;
  int threads = 0;
  bool overwrite = false;
};

void check(const Request& request) {
  checked_seed(request.seed);
  if (request.range != "auto" && request.range != "unit" && request.range != "signed") {
    throw UsageError(text("range: expected auto, unit or signed, got '", request.range, "'"));
  }
  constexpr std::int64_t kMostColumns = 1000;  // a PNG file is at most a million pixels wide
  if (request.columns < 1 || request.columns > kMostColumns) {
    throw UsageError(text("columns: expected 1 to ", kMostColumns, ", got ", request.columns));
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

int draw_samples(const Request& request) {
  check(request);
  use_threads(request.threads);
  const auto stored = read_iterative_vae(request.model);
  const auto side = patch_side(stored.model);
  const auto samples = prior_samples(stored.model, request.count, checked_seed(request.seed));
  write_png(request.out, patch_sheet(samples, side, std::min(request.columns, request.count),
                                     in_unit_range(request, stored)));
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
      .add_option(
          "--range", request->range,
          "what is black and white: unit, 0 and 1; signed, -3 and 3; auto: unit for a model "
          "of digits")
      ->capture_default_str();
  command.add_option("--out", request->out, "PNG file to write")->capture_default_str();
  add_overwrite_option(command, request->overwrite);
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
