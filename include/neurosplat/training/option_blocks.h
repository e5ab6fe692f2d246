#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/training/options.h"

/// Options that several systems share. A configuration takes a block as a base, sets its own
/// defaults in its constructor and calls the block's visit_options from its own.
namespace neurosplat {

/// How long a run lasts and what it leaves behind.
struct RunOptions {
  std::filesystem::path out;
  std::int64_t epochs = 1;
  std::int64_t seed = 0;
  std::int64_t max_steps = 0;
  std::int64_t pictures_every = 1;
  std::int64_t checkpoint_every = 1;
  bool tensorboard = false;
};

template <class Visitor>
void visit_options(RunOptions& config, Visitor&& visit) {
  const OptionGroup training("Training", visit);
  training("epochs", config.epochs, "passes over the training data, in all", AtLeast{1});
  training("max_steps", config.max_steps, "stop after so many steps in all; 0: no limit",
           AtLeast{0});
  training("seed", config.seed, "seed of weights, order, flips and noise", AtLeast{0});
  const OptionGroup output("Output", visit);
  output("out", config.out, "run folder");
  output("pictures_every", config.pictures_every, "epochs between sheets of pictures; 0: never",
         AtLeast{0});
  output("checkpoint_every", config.checkpoint_every, "epochs between checkpoints", AtLeast{1});
  output("tensorboard", config.tensorboard,
         "write events.out.tfevents.* for TensorBoard into the run folder: every number of "
         "metrics.jsonl and the sheets of pictures");
}

/// Where the networks are computed.
struct DeviceOptions {
  std::string device = "auto";
  std::string amp = "off";
  int threads = 0;

  /// Whether the networks' autocast to bf16 is on: `auto` means where the device multiplies it.
  bool amp_on(const c10::Device& used) const {
    return amp == "on" || (amp == "auto" && multiplies_bf16(used));
  }
};

template <class Visitor>
void visit_options(DeviceOptions& config, Visitor&& visit) {
  const OptionGroup group("Device", visit);
  group("device", config.device, "where to compute, auto: with CUDA where it is",
        OneOf{{"cpu", "cuda", "auto"}});
  group("amp", config.amp,
        "bf16 autocast of the networks, packets stay float32, auto: on GPUs and processors that "
        "multiply bf16 (AVX512_BF16, AMX)",
        OneOf{{"off", "on", "auto"}});
  group("threads", config.threads, "CPU threads; 0: all cores", Between{0, 1024});
}

}  // namespace neurosplat
