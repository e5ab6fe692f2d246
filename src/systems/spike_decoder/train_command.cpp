#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "neurosplat/systems/spike_decoder/held_out_decoding.h"
#include "neurosplat/systems/spike_decoder/spike_decoder.h"
#include "systems/spike_decoder/session_options.h"
#include "systems/spike_decoder/shipped_spaces.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  SessionOptions session;
  std::string latents;
  fs::path out = "./runs/spike-decoder";
  std::int64_t seed = 0, fold = -1;
  int threads = 0;
  bool rescale = false, overwrite = false;
};

void check(const Options& options) {
  if (options.seed < 0 || options.threads < 0) {
    throw UsageError("seed and threads: expected at least 0");
  }
  if (options.fold < -1 || options.fold > 4) {
    throw UsageError(text("fold: expected 0 to 4, or -1 for none, got ", options.fold));
  }
  Outputs outputs(options.overwrite);
  for (const auto& [name, path] : options.session.inputs()) outputs.reads(name, path);
  for (const auto& [name, path] : latent_inputs(options.latents)) outputs.reads(name, path);
  outputs.writes("out", options.out, kSpikeDecoderFileNames);
  outputs.check();
}

std::map<std::string, std::string> metadata_of(const Options& options,
                                               const PictureResponses& recorded,
                                               const LatentSpace& space) {
  return {{"session", recorded.name},
          {"session_hash", hash_of_session(recorded)},
          {"clusters", text(options.session.clusters)},
          {"areas", list_of(recorded.areas)},
          {"latents", space.file.empty() ? space.name : space.file.string()},
          {"space", space.name},
          {"image_size", text(options.session.side)},
          {"window_from_ms", text(options.session.from_ms)},
          {"window_to_ms", text(options.session.to_ms)},
          {"fold", text(options.fold)},
          {"seed", text(options.seed)},
          {"rescale", options.rescale ? "true" : "false"}};
}

int train(const Options& options) {
  check(options);
  use_threads(options.threads);
  const at::NoGradGuard no_gradient;
  const auto space = latent_space(options.latents, options.session.side);
  const auto recorded = open_session(options.session);
  const auto held_out = hold_out(recorded.group, static_cast<std::uint64_t>(options.seed));
  const auto kept = held_out.fold.ne(options.fold).nonzero().flatten();
  const auto latents = latents_of(space, recorded.pictures.index_select(0, kept));
  const SpikeDecoder decoder(decoder_responses(recorded.counts.index_select(0, kept)), latents,
                             recorded.group.index_select(0, kept), space.group,
                             {.rescale = options.rescale});
  fs::create_directories(options.out);
  const auto file = options.out / kSpikeDecoderFileNames.front();
  save_spike_decoder(file, decoder, metadata_of(options, recorded, space));
  std::printf("%lld units to %lld latents of %s, from %lld pictures: %s\n",
              static_cast<long long>(decoder.units()), static_cast<long long>(decoder.latents()),
              space.name.c_str(), static_cast<long long>(kept.numel()), file.c_str());
  const auto& penalties = decoder.penalties();
  std::printf("penalties of latent groups: %s to %s\n",
              text(penalties.min().item<double>()).c_str(),
              text(penalties.max().item<double>()).c_str());
  return 0;
}

}  // namespace

void add_train_spike_decoder(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("spike-decoder",
                              "Fit a ridge regression from spike counts to latents of the pictures "
                              "that were shown; seconds, no epochs.",
                              [options] { return train(*options); });
  add_session_options(command, options->session);
  add_latents_option(command, options->latents);
  command
      .add_option("--fold", options->fold,
                  "leave out this fifth of the pictures or movies, 0 to 4; -1: none")
      ->capture_default_str();
  command.add_flag("--rescale", options->rescale,
                   "decoded latents get the spread of the training pictures': sharper, noisier");
  command.add_option("--seed", options->seed, "of folds")->capture_default_str();
  command.add_option("--out", options->out, "folder for decoder.safetensors")
      ->capture_default_str();
  add_overwrite_option(command, options->overwrite);
  command.add_option("--threads", options->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
