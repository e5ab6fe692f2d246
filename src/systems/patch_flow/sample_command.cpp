#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/memory.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/sample_writer.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/patch_flow/commands.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "neurosplat/systems/patch_flow/picture_description.h"
#include "neurosplat/training/flow_matching.h"
#include "systems/patch_flow/patch_flow_update.h"
#include "systems/patch_flow/preview_strip.h"
#include "systems/patch_flow/sampling.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

/// Pixels drawn at a time.
constexpr std::int64_t kPixelsAtATime = std::int64_t{1} << 22U;

struct Request {
  fs::path model, out = "samples.png", sketch, like;
  std::string mode = "grid", solver = "euler", device = "auto";
  std::int64_t count = 64, columns = 8, seed = 0, size = 0, steps = 64;
  double shift = 1, sketch_share = 0.25, start = 0, guidance = 1,
         vision_share = Conditions{}.vision_share;
  int threads = 0;
  bool overwrite = false;
};

bool on_a_sheet(const Request& request) {
  return request.mode != "grid" || is_sheet(request.out);
}

FlowSteps steps_of(const Request& request) {
  FlowSteps steps{.steps = request.steps, .shift = request.shift, .heun = request.solver == "heun"};
  steps.first = std::llround(request.start * static_cast<double>(request.steps));
  check(steps);
  return steps;
}

void check_choices(const Request& request) {
  if (request.mode != "grid" && request.mode != "strip" && request.mode != "interpolate") {
    throw UsageError(text("mode: expected grid, strip or interpolate, got '", request.mode, "'"));
  }
  if (request.solver != "euler" && request.solver != "heun") {
    throw UsageError(text("solver: expected euler or heun, got '", request.solver, "'"));
  }
  if (request.mode == "strip" && request.count > kSampledAtATime) {
    throw UsageError(text("count: expected at most ", kSampledAtATime, " with --mode strip, got ",
                          request.count));
  }
  if (request.mode == "strip" && request.guidance != 1) {
    throw UsageError("guidance: expected 1 with --mode strip");
  }
  if (!(request.vision_share >= 0 && request.vision_share <= 1)) {
    throw UsageError(text("vision-share: expected 0 to 1, got ", request.vision_share));
  }
  if (request.mode == "strip" && request.size != 0) {
    throw UsageError("size: expected none with --mode strip, which is as large as the model's");
  }
}

void check(const Request& request) {
  check_choices(request);
  if (request.count < 1 || request.count > 65536) {
    throw UsageError(text("count: expected 1 to 65536 pictures, got ", request.count));
  }
  if (request.columns < 1) throw UsageError("columns: expected at least 1");
  if (request.seed < 0 || request.threads < 0) {
    throw UsageError("seed and threads: expected at least 0");
  }
  if (!(request.sketch_share >= 0 && request.sketch_share <= 1)) {
    throw UsageError(text("sketch-share: expected 0 to 1, got ", request.sketch_share));
  }
  if (!(request.start >= 0 && request.start < 1)) {
    throw UsageError(text("start: expected 0 to below 1, got ", request.start));
  }
  if (request.out.empty()) throw UsageError("out: expected a file or folder, got an empty name");
  Outputs outputs(request.overwrite);
  outputs.reads("model", request.model, kPatchFlowFileNames);
  outputs.reads("sketch", request.sketch);
  outputs.reads("like", request.like);
  if (on_a_sheet(request)) {
    outputs.writes("out", request.out);
  } else {
    outputs.writes("out", request.out, {kSampleFiles});
  }
  outputs.check();
}

SheetSize sheet_of(const Request& request, std::int64_t side) {
  return {request.count, std::min(request.columns, request.count), side};
}

/// Pixels a patch at the size asked for.
std::int64_t tile_of(const Request& request, const PatchFlowArchitecture& sizes) {
  if (request.size == 0) return sizes.patch;
  const auto grid = sizes.grid();
  if (request.size < grid || request.size > 4096 || request.size % grid != 0) {
    throw UsageError(text("size: expected a multiple of ", grid,
                          " pixels, one for each patch, up "
                          "to 4096, got ",
                          request.size));
  }
  return request.size / grid;
}

/// The line from one noise to another along the sphere, where all of its points are as likely.
at::Tensor between(const at::Tensor& ends, std::int64_t count) {
  const auto a = ends[0].flatten(), b = ends[1].flatten();
  const auto angle = at::arccos((a * b).sum() / (a.norm() * b.norm()));
  const auto along = at::linspace(0, 1, count, at::kFloat).unsqueeze(1);
  const auto line =
      (at::sin((1 - along) * angle) * a + at::sin(along * angle) * b) / at::sin(angle);
  return line.view({count, ends.size(1), ends.size(2), ends.size(3)});
}

/// Noise for every picture, with the sketch in it where there is one. A sampling that starts at
/// time t begins with t of the sketch, as the flow has it.
at::Tensor starts(const Request& request, const PatchFlowArchitecture& sizes) {
  const auto side = sizes.image_size;
  const auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(request.seed));
  const bool line = request.mode == "interpolate";
  auto noise = at::randn({line ? 2 : request.count, 3, side, side}, generator, at::kFloat);
  if (line) noise = between(noise, request.count);
  if (request.sketch.empty()) {
    if (request.start == 0) return noise;
    throw UsageError("start: expected --sketch FILE, the picture to begin with");
  }
  const auto square = centre_square(read_picture(request.sketch), side);
  const auto sketch = signed_of(to_unit_range(square.unsqueeze(0), at::kCPU));
  const double share = request.start > 0 ? time_of_step(steps_of(request), steps_of(request).first)
                                         : request.sketch_share;
  return share * sketch + (1 - share) * noise;
}

/// The pictures being drawn, their splats and the activations of the network.
std::uint64_t drawing_bytes(std::int64_t side) {
  constexpr std::uint64_t kOfNetwork = std::uint64_t{1} << 30U;
  const auto pixels = static_cast<std::uint64_t>(std::max(kPixelsAtATime, side * side));
  return kOfNetwork + pixels * 3 * sizeof(float) * 6;
}

/// What --like shows, for every sample. Throws UsageError for a model that cannot be told.
GuidedConditions conditions_of(const Request& request, const PatchFlow& model) {
  GuidedConditions asked{.conditions = {}, .guidance = request.guidance};
  if (!request.like.empty()) {
    const auto side = model.architecture().image_size;
    const auto square = centre_square(read_picture(request.like), side);
    asked.conditions =
        describe(model, to_unit_range(square.unsqueeze(0), at::kCPU)).repeated(request.count);
    asked.conditions.vision_share = request.vision_share;
    if (asked.conditions.none()) {
      throw UsageError("like: expected a model with conditions, got one that was trained without");
    }
  }
  check(asked);
  return asked;
}

void draw_all(const Request& request, const PatchFlow& model, const at::Tensor& noise,
              const GuidedConditions& asked, std::int64_t tile) {
  const auto steps = steps_of(request);
  const auto side = tile * model.architecture().grid();
  const auto at_a_time =
      std::clamp<std::int64_t>(kPixelsAtATime / (side * side), 1, kSampledAtATime);
  SampleWriter writer(request.out,
                      on_a_sheet(request) ? std::optional(sheet_of(request, side)) : std::nullopt);
  ProgressLine progress("sampling", "steps",
                        sampling_batches(noise.size(0)) * (steps.steps - steps.first));
  std::int64_t done = 0, first = 0;
  for (const auto& part : noise.split(kSampledAtATime)) {
    const auto predicted =
        last_prediction(model, part, steps, [&] { progress.update(++done); },
                        {asked.conditions.narrow(first, part.size(0)), asked.guidance});
    first += part.size(0);
    for (const auto& some : predicted.split(at_a_time)) {
      writer.add(unit_of(model.draw(some, tile)).to(at::kCPU));
    }
  }
  writer.finish();
}

int draw_samples(Request request) {
  if (request.model.empty()) request.model = shipped_file("patch-flow-cats.safetensors");
  check(request);
  use_threads(request.threads);
  const at::NoGradGuard no_gradient;
  const auto model = load_patch_flow(request.model).model;
  const auto tile = tile_of(request, model.architecture());
  if (on_a_sheet(request)) {
    const auto noise =
        static_cast<std::uint64_t>(request.count * 3 * model.architecture().image_size *
                                   model.architecture().image_size) *
        sizeof(float);
    check_fits(
        sheet_of(request, tile * model.architecture().grid()),
        [noise](std::int64_t side) { return noise + drawing_bytes(side); }, available_memory());
  }
  const auto device = device_from_name(request.device);
  model.to(device);
  const auto noise = starts(request, model.architecture());
  const auto asked = conditions_of(request, model);
  if (request.mode == "strip") {
    write_png(request.out,
              preview_strip(model, noise.to(device), steps_of(request), asked.conditions));
  } else {
    draw_all(request, model, noise, asked, tile);
  }
  std::printf("%lld pictures: %s\n", static_cast<long long>(request.count), request.out.c_str());
  return 0;
}

}  // namespace

void add_sample_patch_flow(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("patch-flow", "Pictures drawn from noise by a patch flow.",
                              [request] { return draw_samples(*request); });
  command.add_option(
      "--model", request->model,
      "run folder or .safetensors file; default: the shipped patch-flow-cats, where there is one");
  command
      .add_option("--mode", request->mode,
                  "grid: independent samples; interpolate: a line between two noises; strip: noise "
                  "and what is foretold at every fourth step, a column a picture")
      ->capture_default_str();
  command.add_option("--count", request->count, "pictures")->capture_default_str();
  command.add_option("--columns", request->columns, "pictures a row")->capture_default_str();
  command.add_option("--seed", request->seed, "seed of the noise")->capture_default_str();
  command.add_option("--steps", request->steps, "steps from noise to the picture")
      ->capture_default_str();
  command
      .add_option("--solver", request->solver,
                  "euler, or heun: two predictions a step, better with few steps")
      ->capture_default_str();
  command
      .add_option("--shift", request->shift,
                  "of time; above 1: more steps where the picture is clean")
      ->capture_default_str();
  command
      .add_option(
          "--size", request->size,
          "pixels a side to draw at, a multiple of the patches a side; splats scale to any; "
          "0: the model's")
      ->capture_default_str();
  command.add_option("--sketch", request->sketch, "picture to begin with");
  command
      .add_option("--sketch-share", request->sketch_share,
                  "share of the sketch in the first noise, 0 to 1")
      ->capture_default_str();
  command
      .add_option("--start", request->start,
                  "share of the steps taken as done by the sketch, 0 to 1; above 0 it replaces "
                  "--sketch-share")
      ->capture_default_str();
  command.add_option("--like", request->like,
                     "picture whose conditions the samples get, where the model takes some");
  command
      .add_option("--vision-share", request->vision_share,
                  "weight of the first of two conditions, 0 to 1; the second has the rest")
      ->capture_default_str();
  command
      .add_option("--guidance", request->guidance,
                  "how much --like counts; 1: as trained, above: more, two predictions a step")
      ->capture_default_str();
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
