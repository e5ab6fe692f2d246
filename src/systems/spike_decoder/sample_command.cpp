#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/figure/sample_writer.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "neurosplat/systems/patch_flow/picture_refinement.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "neurosplat/systems/spike_decoder/held_out_decoding.h"
#include "neurosplat/training/stored_model.h"
#include "systems/spike_decoder/refined_rows.h"
#include "systems/spike_decoder/session_options.h"
#include "systems/spike_decoder/shipped_spaces.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  SessionOptions session;
  fs::path model = "./runs/spike-decoder", out = "decoded.png", pictures_out, flow;
  std::string latents;
  RefinementSteps refinement;
  std::int64_t seed = 0, columns = 4, most = 64;
  int threads = 0;
  bool overwrite = false;
};

/// `latents`: what draws, as far as it is known.
void check_outputs(const Options& options, const std::string& latents) {
  Outputs outputs(options.overwrite);
  outputs.reads("model", options.model, kSpikeDecoderFileNames);
  outputs.reads("flow", options.flow, kPatchFlowFileNames);
  for (const auto& [name, path] : options.session.inputs()) outputs.reads(name, path);
  for (const auto& [name, path] : latent_inputs(latents)) outputs.reads(name, path);
  outputs.writes("out", options.out);
  if (!options.pictures_out.empty()) {
    outputs.writes("pictures-out", options.pictures_out, {kSampleFiles});
  }
  outputs.check();
}

void check(const Options& options) {
  if (options.seed < 0 || options.threads < 0) {
    throw UsageError("seed and threads: expected at least 0");
  }
  if (options.columns < 1 || options.most < 1) {
    throw UsageError("columns and most: expected at least 1");
  }
  check_outputs(options, options.latents);
}

/// Rows that the decoder was not fitted to, where it left some out; else all, which is said.
at::Tensor rows_to_decode(const Options& options, const StoredSpikeDecoder& stored,
                          const PictureResponses& recorded) {
  std::int64_t fold = -1, seed = 0;
  read_number(stored.metadata, "fold", fold);
  read_number(stored.metadata, "seed", seed);
  const auto folds = hold_out(recorded.group, static_cast<std::uint64_t>(seed)).fold;
  auto rows = folds.eq(fold).nonzero().flatten();
  if (described(stored.metadata, "session_hash") != hash_of_session(recorded)) {
    log::warn(text("the decoder was fitted to other pictures, counts or groups, of session ",
                   described(stored.metadata, "session"), ": some may have been trained on"));
    rows = at::arange(recorded.counts.size(0), at::kLong);
  } else if (fold < 0) {
    log::warn("the decoder was fitted to these very pictures: train it with --fold");
    rows = at::arange(recorded.counts.size(0), at::kLong);
  }
  return rows.narrow(0, 0, std::min(options.most, rows.numel()));
}

/// What the flow's conditions are, decoded for these rows from the responses of other folds.
Conditions conditions_of(const PatchFlow& flow, const StoredSpikeDecoder& stored,
                         const PictureResponses& recorded, const at::Tensor& rows) {
  std::int64_t seed = 0;
  read_number(stored.metadata, "seed", seed);
  auto conditions = decoded_conditions(
      session_of(recorded, static_cast<std::uint64_t>(seed), /*shuffles=*/0), flow);
  for (auto* each : {&conditions.vision, &conditions.semantic}) {
    if (each->defined()) *each = each->index_select(0, rows);
  }
  return conditions;
}

at::Tensor refined(const Options& options, const StoredSpikeDecoder& stored,
                   const PictureResponses& recorded, const at::Tensor& rows,
                   const at::Tensor& decoded) {
  const auto flow = load_patch_flow(options.flow).model;
  const auto side = flow.architecture().image_size;
  const auto batches = (decoded.size(0) + 63) / 64;
  ProgressLine progress("refining", "steps",
                        batches * std::llround(options.refinement.strength *
                                               static_cast<double>(options.refinement.steps)));
  std::int64_t done = 0;
  auto refinement = options.refinement;
  refinement.seed = static_cast<std::uint64_t>(options.seed);
  const auto conditions = conditions_of(flow, stored, recorded, rows);
  const auto drawn = refined_pictures(flow, resized(decoded, side), refinement, conditions,
                                      [&] { progress.update(++done); });
  return resized(drawn, decoded.size(2)).clamp(0, 1);
}

int decode(Options options) {
  check(options);
  use_threads(options.threads);
  const at::NoGradGuard no_gradient;
  const auto stored = load_spike_decoder(options.model);
  read_number(stored.metadata, "image_size", options.session.side);
  read_number(stored.metadata, "window_from_ms", options.session.from_ms);
  read_number(stored.metadata, "window_to_ms", options.session.to_ms);
  read_number(stored.metadata, "clusters", options.session.clusters);
  const auto latents =
      options.latents.empty() ? described(stored.metadata, "latents") : options.latents;
  check_outputs(options, latents);
  const auto space = open_latent_space(latents, options.session.side);
  if (space.size() != stored.decoder.latents()) {
    throw Error(text(stored.file.string(), ": expected latents that draw, ",
                     stored.decoder.latents(), " of them, got ", space.name, " with ", space.size(),
                     ": name the model with --latents"));
  }
  const auto recorded = open_session(options.session);
  const auto rows = rows_to_decode(options, stored, recorded);
  const auto responses = decoder_responses(recorded.counts.index_select(0, rows));
  const auto decoded = pictures_of(space, stored.decoder(responses), options.session.side);
  std::vector<at::Tensor> beside = {decoded};
  if (!options.flow.empty()) beside.push_back(refined(options, stored, recorded, rows, decoded));
  const auto shown = recorded.pictures.index_select(0, rows).to(at::kFloat).div(255);
  write_png(options.out,
            pictures_beside(shown, at::stack(beside, 1), std::min(options.columns, rows.numel())));
  if (!options.pictures_out.empty()) {
    SampleWriter writer(options.pictures_out, std::nullopt);
    writer.add(beside.back());
    writer.finish();
  }
  std::printf("%lld pictures, each beside what was decoded%s: %s\n",
              static_cast<long long>(rows.numel()), options.flow.empty() ? "" : " and refined",
              options.out.c_str());
  return 0;
}

}  // namespace

void add_sample_spike_decoder(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("spike-decoder",
                              "Pictures decoded from recorded spikes, beside those that were "
                              "shown, and refined by a patch flow where there is one.",
                              [options] { return decode(*options); });
  command.add_option("--model", options->model, "folder or file of the decoder")
      ->capture_default_str();
  add_session_options(command, options->session);
  command.add_option("--latents", options->latents,
                     "what draws its latents; default: the model that it was fitted with");
  command.add_option(
      "--flow", options->flow,
      "patch flow that refines what was decoded: run folder or file; its conditions are "
      "decoded from the spikes too");
  command
      .add_option("--strength", options->refinement.strength,
                  "share of the flow's way that is done anew, above 0 to 1")
      ->capture_default_str();
  command.add_option("--steps", options->refinement.steps, "of the flow's whole way")
      ->capture_default_str();
  command.add_option("--most", options->most, "pictures at most")->capture_default_str();
  command.add_option("--columns", options->columns, "groups of pictures a row")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of the flow's noise")->capture_default_str();
  command.add_option("--out", options->out, "PNG file")->capture_default_str();
  command.add_option("--pictures-out", options->pictures_out,
                     "folder for the decoded pictures alone, sample_#####.png");
  add_overwrite_option(command, options->overwrite);
  command.add_option("--threads", options->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
