#pragma once

#include <cstdint>
#include <string>

#include "neurosplat/systems/waveform/response_data.h"
#include "neurosplat/systems/waveform/waveform_autoencoder.h"
#include "neurosplat/training/image_options.h"
#include "neurosplat/training/option_blocks.h"

namespace neurosplat {

/// Everything that decides a training run of a waveform autoencoder (docs/waveform.md, "Training").
struct WaveformConfig : ImageOptions, DeviceOptions, RunOptions {
  WaveformConfig() {
    dataset = "flowers-large";
    splits = {"train"};
    epochs = 40;
    pictures_every = 5;
    checkpoint_every = 5;
    out = "./runs/waveform-ae";
  }

  std::string recording = "simulated";
  std::string session;
  std::int64_t image_size = 64;
  std::int64_t electrodes = 16;
  std::int64_t repeats = 4;
  std::int64_t most_pictures = 0;
  std::string pairing = "frame";
  std::int64_t fold = 0;

  std::string preset = "small";
  std::int64_t latent = 0;
  std::int64_t width = 0;
  std::string waveform_encoder = "preset";
  std::string image_head = "pixels";
  bool linear_code = true;
  bool leaky_skips = false;

  std::int64_t batch = 32;
  std::int64_t accumulate = 1;
  bool flip = true;
  std::int64_t image_epochs = 25;
  std::int64_t joint_epochs = 0;
  std::int64_t schedule_epochs = 0;
  double lr = 1e-3;
  double weight_decay = 0.01;
  double clip = 1;
  double latent_noise = 0.1;
  double waveform_noise = 0.5;
  std::string perceptual = "pyramid";
  double perceptual_weight = 0.2;
  double ssim_weight = 0.2;
  double align_weight = 1;
  double wave_weight = 0.1;
  double moments_weight = 0.1;
  double real_weight = 0.5;
  double contrastive_weight = 0.05;

  std::int64_t held_out_every = 5;
  std::int64_t held_out_pictures = 200;

  /// `electrodes` and `samples` as the data has them.
  WaveformArchitecture architecture(std::int64_t electrodes, std::int64_t samples) const;
  ResponseRequest request() const;
};

template <class Visitor>
void visit_options(WaveformConfig& config, Visitor&& visit) {
  visit_options(static_cast<ImageOptions&>(config), visit);
  const OptionGroup data("Data", visit);
  data("recording", config.recording,
       "responses to learn: simulated, of neurons of our own on electrodes, to the pictures of "
       "--dataset; pvc1 or macaque, then --data is its folder",
       OneOf{recording_names()});
  data("session", config.session,
       "pvc1: part of a recording's file name; macaque: a session; empty: the first");
  data("image_size", config.image_size, "side of the pictures, pixels, a multiple of 16",
       Between{16, 512});
  data("electrodes", config.electrodes, "of simulated V1, a neuron each", Between{1, 1024});
  data("repeats", config.repeats, "times that simulated V1 sees each picture", Between{1, 1000});
  data("most_pictures", config.most_pictures,
       "pictures that simulated V1 sees of each split, drawn by the seed; 0: all", AtLeast{0});
  data("pairing", config.pairing,
       "of pvc1: frame, each electrode's first spike in answer to a frame; spike, a pair for every "
       "spike",
       OneOf{{"frame", "spike"}});
  data("fold", config.fold,
       "of pvc1 and macaque: which fifth of the segments is left for the test; the next one "
       "validates",
       Between{0, 4});
  data("flip", config.flip,
       "mirror pictures left-right at random while the image networks alone are trained");
  const OptionGroup model("Model", visit);
  model("preset", config.preset,
        "networks: small and v1, ours with 32 and 64 channels; author, the original's sizes",
        OneOf{waveform_presets()});
  model("latent", config.latent, "numbers of a latent; 0: the preset's, 256 (author: 128)",
        Between{0, 4096});
  model("width", config.width, "channels of the first stage, a multiple of 8; 0: the preset's",
        Between{0, 512});
  model("waveform_encoder", config.waveform_encoder, "conv, along time, or mlp; preset: conv",
        OneOf{{"preset", "conv", "mlp"}});
  model("image_head", config.image_head,
        "what draws the picture: convolutions, or splats that they give",
        OneOf{{"pixels", "splats"}});
  model("linear_code", config.linear_code,
        "of ours: networks correct the principal components of the training pictures, of 32 "
        "pixels or more");
  model("leaky_skips", config.leaky_skips,
        "of author: the target's feature maps go into its reconstruction, as in the original; to "
        "show what that does");
  const OptionGroup training("Training", visit);
  training("batch", config.batch, "responses a batch", AtLeast{2});
  training("accumulate", config.accumulate, "batches a step", AtLeast{1});
  training("image_epochs", config.image_epochs,
           "epochs, at first, that train the image networks alone", AtLeast{0});
  training("joint_epochs", config.joint_epochs,
           "epochs, at last, that train all at a tenth of the rate; between them the waveform "
           "networks learn",
           AtLeast{0});
  training("schedule_epochs", config.schedule_epochs,
           "epochs that the phases and their rates span, then the last stays; 0: the epochs that "
           "the run began with",
           AtLeast{0});
  training("lr", config.lr, "learning rate of AdamW; it falls as a cosine in each phase",
           Positive{});
  training("weight_decay", config.weight_decay, "weights shrink by lr times as much a step",
           AtLeast{0});
  training("clip", config.clip, "largest norm of the gradient", Positive{});
  training("latent_noise", config.latent_noise,
           "deviation of noise on the picture's latent, whose own is 1", AtLeast{0});
  training(
      "waveform_noise", config.waveform_noise,
      "deviation of noise on synthetic waveforms, and in training on recorded ones, in deviations "
      "of the recording",
      AtLeast{0});
  training("perceptual", config.perceptual,
           "term added to the absolute error: none; pyramid: bands of a Laplacian pyramid and "
           "gradients; lite0: maps of EfficientNet-Lite0 (scripts/setup.sh --features); "
           "script:FILE: of a TorchScript network");
  training("perceptual_weight", config.perceptual_weight, "of that term", AtLeast{0});
  training("ssim_weight", config.ssim_weight, "of 1 - structural similarity", AtLeast{0});
  training("align_weight", config.align_weight, "of the distance of both latents", AtLeast{0});
  training("wave_weight", config.wave_weight,
           "of the squared difference of synthetic and recorded waveforms", AtLeast{0});
  training("moments_weight", config.moments_weight,
           "of the difference of their means, covariances of electrodes and spectra", AtLeast{0});
  training("real_weight", config.real_weight, "of the picture drawn from the recorded waveform",
           AtLeast{0});
  training("contrastive_weight", config.contrastive_weight,
           "of telling a recorded waveform's picture from the batch's others (InfoNCE)",
           AtLeast{0});
  visit_options(static_cast<RunOptions&>(config), visit);
  const OptionGroup held_out("Measuring", visit);
  held_out("held_out_every", config.held_out_every,
           "epochs between measurements on validation pictures; 0: never", AtLeast{0});
  held_out("held_out_pictures", config.held_out_pictures, "responses to measure on; 0: all",
           AtLeast{0});
  visit_options(static_cast<DeviceOptions&>(config), visit);
}

/// Throws UsageError, one line, when a value cannot be.
void check(const WaveformConfig& config);

/// The schedule's length belongs to the run: a `schedule_epochs` of 0 becomes `epochs`.
void settle_schedule(WaveformConfig& config);

/// What is trained in an epoch (from 0).
enum class WaveformPhase { kImage, kWaveform, kJoint };
WaveformPhase phase_of(const WaveformConfig& config, std::int64_t epoch);

/// Learning rate at a step of `per_epoch` a epoch: in each phase it rises over a twentieth and
/// falls as half a wave to a hundredth; a tenth of it in the joint phase.
double learning_rate(const WaveformConfig& config, std::int64_t step, std::int64_t per_epoch);

}  // namespace neurosplat
