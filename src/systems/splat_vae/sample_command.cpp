#include "neurosplat/systems/splat_vae/commands.h"

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
#include "neurosplat/core/text.h"
#include "neurosplat/figure/sample_writer.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"
#include "systems/splat_vae/drawing_memory.h"

namespace neurosplat::apps {
namespace {

/// Pictures decoded at a time.
constexpr std::int64_t kBatch = 64;

struct Request {
  std::filesystem::path model, out = "samples.png";
  std::string mode = "grid", prior = "normal", device = "auto", renderer = "auto";
  std::int64_t count = 0, columns = 8, seed = 0, size = 0;
  double temperature = 1.0;
  FlowSteps flow;
  int threads = 0;
  bool overwrite = false;
};

bool interpolates(const Request& request) {
  if (request.mode == "grid" || request.mode == "sample") return false;
  if (request.mode == "interpolate" || request.mode == "interp") return true;
  throw UsageError(text("mode: expected grid or interpolate, got '", request.mode, "'"));
}

void check(const Request& request) {
  if (request.count < 0 || request.count > 65536) {
    throw UsageError(text("count: expected 1 to 65536 pictures, got ", request.count));
  }
  if (request.prior != "normal" && request.prior != "fitted" && request.prior != "flow") {
    throw UsageError(text("prior: expected normal, fitted or flow, got '", request.prior, "'"));
  }
  check(request.flow);
  if (request.columns < 1) throw UsageError("columns: expected at least 1");
  if (!(std::isfinite(request.temperature) && request.temperature >= 0)) {
    throw UsageError(text("temperature: expected at least 0, got ", request.temperature));
  }
  if (request.size != 0 && (request.size < 2 || request.size > 4096)) {
    throw UsageError(text("size: expected 2 to 4096 pixels, got ", request.size));
  }
  if (request.seed < 0 || request.threads < 0) {
    throw UsageError("seed and threads: expected at least 0");
  }
  if (request.out.empty()) throw UsageError("out: expected a file or folder, got an empty name");
  Outputs outputs(request.overwrite);
  outputs.reads("model", request.model, kModelFileNames);
  if (is_sheet(request.out)) {
    outputs.writes("out", request.out);
  } else {
    outputs.writes("out", request.out, {kSampleFiles});
  }
  outputs.check();
}

SheetSize sheet_of(const Request& request, bool line, std::int64_t side) {
  const std::int64_t count = request.count > 0 ? request.count : line ? 8 : 64;
  return {count, std::min(request.columns, count), side};
}

/// Latents of the pictures asked for: independent draws, or a straight line between two.
at::Tensor latents_for(const Request& request, bool line, std::int64_t count,
                       const DescribedSplatVae& described) {
  const auto latent = described.model.architecture().latent;
  const auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(request.seed));
  const auto noise =
      at::randn({line ? 2 : count, latent}, generator, at::kFloat) * request.temperature;
  const auto drawn = [&] {
    if (request.prior == "flow")
      return with_flow(*described.flow, *described.prior, noise, request.flow);
    return request.prior == "fitted" ? with_prior(*described.prior, noise) : noise;
  }();
  if (!line) return drawn;
  const auto along = at::linspace(0, 1, count, at::kFloat).unsqueeze(1);
  return drawn[0] * (1 - along) + drawn[1] * along;
}

int draw_samples(Request request) {
  if (request.model.empty()) request.model = shipped_model();
  check(request);
  const bool line = interpolates(request);
  RenderOptions drawing{.renderer = renderer_from_name(request.renderer)};
  const bool dense = drawing.renderer == RendererKind::dense;
  const auto check_size = [&](std::int64_t side) {
    const auto all = sheet_of(request, line, side);
    check_fits(is_sheet(request.out) ? all : SheetSize{1, 1, side}, drawing_bytes(dense),
               available_memory());
  };
  if (request.size > 0) check_size(request.size);
  use_threads(request.threads);
  const at::NoGradGuard no_gradient;
  const auto described = load_described_splat_vae(request.model);
  const auto& model = described.model;
  if (request.prior == "fitted" && !described.prior) {
    throw Error(text(described.file.string(),
                     ": expected a fitted prior, it has none: sample with --prior normal, or train "
                     "with more pictures than latent numbers"));
  }
  if (request.prior == "flow" && !(described.flow && described.prior)) {
    throw Error(text(described.file.string(),
                     ": expected a flow, it has none: sample with --prior fitted, or make one with "
                     "neurosplat-train latent-flow --model"));
  }
  const auto side = request.size > 0 ? request.size : model.architecture().image_size;
  check_size(side);
  const auto device = device_from_name(request.device);
  model.to(device);
  if (dense) drawing.chunk = packets_at_a_time(side);
  const auto size = sheet_of(request, line, side);
  const auto latents = latents_for(request, line, size.count, described);
  SampleWriter writer(request.out, is_sheet(request.out) ? std::optional(size) : std::nullopt);
  for (const auto& part : latents.split(kBatch)) {
    const auto packets = model.decode(part.to(device)).to(at::kFloat);
    for (const auto& some : packets.split(pictures_at_a_time(side, dense))) {
      writer.add(render(some, side, side, drawing).to(at::kCPU));
    }
  }
  writer.finish();
  std::printf("%lld pictures: %s\n", static_cast<long long>(size.count), request.out.c_str());
  return 0;
}

}  // namespace

void add_sample_splat_vae(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add("splat-vae", "Pictures decoded from random latents: blurry priors.",
                              [request] { return draw_samples(*request); });
  add_model_option(command, request->model);
  command
      .add_option("--prior", request->prior,
                  "where latents come from: normal, N(0, I); fitted, the Gaussian of the training "
                  "pictures' latents that the model's file keeps; flow, what neurosplat-train "
                  "latent-flow learned of them beyond it")
      ->capture_default_str();
  command
      .add_option("--mode", request->mode,
                  "grid: independent samples; interpolate: a line between two")
      ->capture_default_str();
  command.add_option("--count", request->count, "pictures; 0: 64 in a grid, 8 on a line")
      ->capture_default_str();
  command.add_option("--columns", request->columns, "pictures a row")->capture_default_str();
  command.add_option("--seed", request->seed, "seed of the latents")->capture_default_str();
  command
      .add_option("--temperature", request->temperature,
                  "spread of the latents about their mean; 1 is the prior's")
      ->capture_default_str();
  command.add_option("--steps", request->flow.steps, "steps of --prior flow")
      ->capture_default_str();
  command
      .add_option("--size", request->size,
                  "pixels a side to draw at, packets scale to any; 0: the model's")
      ->capture_default_str();
  command
      .add_option("--out", request->out,
                  "PNG file with all of them, or a folder for single pictures")
      ->capture_default_str();
  add_overwrite_option(command, request->overwrite);
  command.add_option("--device", request->device, "cpu, cuda or auto")->capture_default_str();
  command.add_option("--renderer", request->renderer, "auto, matrix, cuda or dense")
      ->capture_default_str();
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
