#pragma once

#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace neurosplat::testing {

/// A subcommand of neurosplat-train and what the contract of all of them needs to know about it.
struct TrainingRow {
  std::string command;
  /// A run of several steps an epoch, all of it within some tens of milliseconds. `frames` is a
  /// folder of 14 pictures.
  std::vector<std::string> tiny;
  /// Files with weights in the run folder.
  std::vector<std::string> models;
  /// What --smoke leaves beside config.json, models and checkpoints.
  std::vector<std::string> smoke_leaves;
  /// Added to --resume: a loss that is not finite after a step or two. `mend` undoes it.
  std::vector<std::string> ruin, mend;
};

inline std::ostream& operator<<(std::ostream& out, const TrainingRow& row) {
  return out << row.command;
}

/// A system that joins adds a row and is held to all that the others are.
inline std::vector<TrainingRow> training_rows() {
  return {
      {.command = "splat-vae",
       .tiny = {"--dataset",
                "synthetic",
                "--splits",
                "val",
                "--batch",
                "32",
                "--image-size",
                "16",
                "--num-packets",
                "4",
                "--latent",
                "2",
                "--flip",
                "--lr-schedule",
                "cosine",
                "--schedule-epochs",
                "50",
                "--held-out-every",
                "1",
                "--held-out-split",
                "test",
                "--held-out-pictures",
                "8"},
       .models = {"model.safetensors"},
       .smoke_leaves = {"recon_001.png", "sample_001.png"},
       .ruin = {"--lr", "1e30"},
       .mend = {"--lr", "2e-4"}},
      {.command = "splat-predictor",
       .tiny = {"--frames-dir", "frames", "--batch", "2", "--image-size", "16", "--num-packets",
                "4", "--latent", "2"},
       .models = {"model.safetensors", "koopman.safetensors"},
       .smoke_leaves = {"pred_001.png"},
       .ruin = {"--lr", "1e30"},
       .mend = {"--lr", "2e-4"}},
      {.command = "iterative-vae",
       .tiny = {"--dataset", "synthetic", "--patches", "160", "--patch-size", "8", "--n-latents",
                "32", "--t-train", "3", "--batch", "32", "--schedule-epochs", "50",
                "--held-out-patches", "8"},
       .models = {"model.safetensors"},
       .smoke_leaves = {"recon_001.png", "dictionary_001.png"},
       .ruin = {"--lr", "1e30"},
       .mend = {"--lr", "0.005"}},
      {.command = "patch-flow",
       .tiny = {"--dataset", "synthetic", "--batch", "32", "--image-size", "16", "--width", "16",
                "--depth", "1", "--splats", "4", "--schedule-epochs", "50", "--held-out-split",
                "test", "--held-out-pictures", "8"},
       .models = {"model.safetensors"},
       .smoke_leaves = {"sample_001.png"},
       .ruin = {"--lr", "1e30"},
       .mend = {"--lr", "0.0015"}},
      {.command = "latent-flow",
       .tiny = {"--model", "untrained", "--dataset", "synthetic", "--splits", "val", "--width", "8",
                "--depth", "1", "--batch", "16", "--schedule-epochs", "50", "--held-out-split",
                "test", "--held-out-pictures", "8"},
       .models = {"model.safetensors"},
       .smoke_leaves = {"sample_001.png"},
       .ruin = {"--lr", "1e30"},
       .mend = {"--lr", "0.001"}},
      {.command = "waveform-ae",
       .tiny = {"--dataset",
                "synthetic",
                "--splits",
                "val",
                "--most-pictures",
                "40",
                "--repeats",
                "1",
                "--batch",
                "8",
                "--image-size",
                "16",
                "--width",
                "8",
                "--latent",
                "8",
                "--electrodes",
                "2",
                "--no-linear-code",
                "--waveform-encoder",
                "mlp",
                "--image-epochs",
                "1",
                "--joint-epochs",
                "1",
                "--schedule-epochs",
                "3",
                "--held-out-pictures",
                "8"},
       .models = {"model.safetensors"},
       .smoke_leaves = {"recon_001.png"},
       .ruin = {"--lr", "1e30"},
       .mend = {"--lr", "0.001"}},
      {.command = "hierarchical-vae",
       .tiny = {"--dataset",
                "synthetic",
                "--splits",
                "val",
                "--batch",
                "32",
                "--image-size",
                "16",
                "--width",
                "8",
                "--latent-channels",
                "2",
                "--blocks",
                "1,1,1,1,1",
                "--encoder-blocks",
                "1,1,1,1,1",
                "--schedule-epochs",
                "50",
                "--held-out-split",
                "test",
                "--held-out-pictures",
                "8"},
       .models = {"model.safetensors"},
       .smoke_leaves = {"recon_001.png", "sample_001.png"},
       .ruin = {"--lr", "1e30"},
       .mend = {"--lr", "0.0008"}},
  };
}

inline TrainingRow training_row(const std::string& command) {
  for (auto& row : training_rows()) {
    if (row.command == command) return row;
  }
  throw std::out_of_range(command);
}

}  // namespace neurosplat::testing
