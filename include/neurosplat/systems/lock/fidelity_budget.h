#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/metrics/linear_floor.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

/// Where a splat VAE loses its decibels: each of its parts against the best that there is for it,
/// picture by picture. docs/flowers.md, "Where each decibel is lost".
namespace neurosplat {

struct FidelityBudgetSettings {
  std::int64_t refine = 8;          ///< SplatVae::refining()
  std::int64_t latent_steps = 200;  ///< of Adam on latents, from the refined ones; >= 0
  std::int64_t packet_steps = 200;  ///< of descent on packets; >= 0
  double latent_rate = 0.1, packet_rate = 0.05;  ///< of their first steps, (0, 10]
  /// PCA with so many components, each >= 1; the latent's number is added.
  std::vector<std::int64_t> components = {32, 64, 128, 256, 512, 1024};
  std::int64_t batch = 20;    ///< pictures at a time
  std::int64_t examples = 6;  ///< pictures that are kept as they are drawn, at most
  std::uint64_t seed = 0;     ///< of the posterior samples
};

/// Throws UsageError for a setting that cannot be.
void check(const FidelityBudgetSettings& settings);

/// One way of giving pictures back.
struct BudgetRow {
  /// sample, mean, refined, best_latent, best_packets; own_geometry, placed, moved; mean_image,
  /// pca_K. The first five and pca_K for K as many as the latent are always there with floors.
  std::string key = {};
  std::string name = {};             ///< for people
  std::int64_t numbers = 0;          ///< that stand for a picture
  std::vector<double> psnr_db = {};  ///< of each picture
  double psnr_mean_db = 0;
  std::vector<at::Tensor> shown = {};  ///< the examples, float [3, S, S]
};

struct FidelityBudget {
  std::vector<BudgetRow> rows;
  std::vector<double> kl_nats;           ///< of each picture's posterior from N(0, I)
  std::vector<std::int64_t> examples;    ///< positions, evenly spread
  std::vector<at::Tensor> shown;         ///< these pictures themselves
  std::int64_t latent = 0;               ///< numbers
  std::vector<std::int64_t> components;  ///< of the rows pca_K, ascending
  std::vector<std::int64_t> left_out;    ///< asked for, but the floor has no more components

  /// Throws Error where there is none.
  const BudgetRow& row(const std::string& key) const;
};

/// pictures: uint8 [K, 3, S, S], K >= 1. floor: its mean image and components as many as it has;
/// nothing: no rows of it. The model is put into evaluation mode. Draws a progress line.
///
/// best_latent starts from refined, best_packets (all raw numbers, so that they keep the decoder's
/// ranges) from the packets of best_latent; both keep each picture's best. own_geometry and placed
/// are the closed form's coefficients, free of those ranges, for the geometry of the refined
/// latent's packets and for one laid over the picture; moved goes on from placed with descent on
/// geometry and coefficients.
FidelityBudget measure_fidelity_budget(const SplatVae& model, const at::Tensor& pictures,
                                       const std::optional<LinearFloor>& floor,
                                       const FidelityBudgetSettings& settings);

/// A difference of two rows' means.
struct BudgetLoss {
  std::string key, name;
  double db;
};

/// sampling (mean - sample), refinement (refined - mean), encoder (best_latent - mean), decoder
/// (best_packets - best_latent), ranges (moved - best_packets), latent_over_pca (best_latent -
/// pca_K with as many numbers, where that is). Sample and the losses sampling, encoder, decoder
/// and ranges add up to moved.
std::vector<BudgetLoss> losses_of(const FidelityBudget& budget);

/// How many components PCA needs for `psnr_db`: linear in the logarithm of their number between the
/// rows pca_K. Nothing outside of them.
std::optional<double> pca_components_for(const FidelityBudget& budget, double psnr_db);

/// Of the posteriors from N(0, I), mean of the pictures.
double kl_mean_nats(const FidelityBudget& budget);

/// What the loss of training charged for the KL divergence.
struct KlCharge {
  std::string loss;  ///< SplatVaeConfig::loss, "mse" or "psnr"
  double beta;
};
/// In dB of the mean picture: beta a nat for "psnr"; for "mse", where beta is added to the squared
/// error, by how much that moves the PSNR of the samples' mean error.
double kl_charge_db(const FidelityBudget& budget, const KlCharge& charge);

/// A row each, then the losses: a table in Markdown, padded so that it can be read as text.
std::string budget_table(const FidelityBudget& budget, const std::optional<KlCharge>& charge);

/// A column a row, a line a picture; whole or not at all. `names` are the pictures'.
void write_budget_csv(const std::filesystem::path& path, const FidelityBudget& budget,
                      const std::vector<std::string>& names);

/// Bars of all rows beside PCA over its number of components. float [3, H, W].
at::Tensor budget_figure(const FidelityBudget& budget);

/// The examples, a column each: the picture, then what each row makes of it. float [3, H, W].
at::Tensor budget_sheet(const FidelityBudget& budget);

}  // namespace neurosplat
