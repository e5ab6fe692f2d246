#include "neurosplat/systems/lock/fidelity_budget.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "systems/lock/picture_descent.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSide = 32, kLatent = 8, kPackets = 16;

SplatVae tiny_model() {
  return testing::locking_model({.image_size = kSide, .packets = kPackets, .latent = kLatent});
}

/// Smooth pictures, uint8 [count, 3, 32, 32], no two alike.
at::Tensor some_pictures(std::int64_t count, double phase = 0) {
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back(testing::smooth_picture(kSide, phase + 0.7 * static_cast<double>(i)));
  }
  const auto noise = at::rand({count, 3, kSide, kSide}, at::detail::createCPUGenerator(4));
  return ((at::stack(all) + 0.1 * noise).clamp(0, 1) * 255).round().to(at::kByte);
}

at::Tensor to_float(const at::Tensor& bytes) {
  return bytes.to(at::kFloat) / 255;
}

FidelityBudgetSettings quick() {
  return {.refine = 4,
          .latent_steps = 20,
          .packet_steps = 20,
          .components = {2, 4, 64},
          .batch = 3,
          .examples = 2,
          .seed = 5};
}

FidelityBudget measured(const FidelityBudgetSettings& settings) {
  return measure_fidelity_budget(tiny_model(), some_pictures(5),
                                 fit_linear_floor(some_pictures(12, 0.35), 64), settings);
}

/// That of quick(), measured once.
const FidelityBudget& quick_budget() {
  static const FidelityBudget budget = measured(quick());
  return budget;
}

/// A budget by hand: one picture a row.
FidelityBudget of_rows(const std::vector<std::pair<std::string, double>>& rows,
                       std::vector<std::int64_t> components = {}) {
  FidelityBudget budget;
  for (const auto& [key, db] : rows) {
    budget.rows.push_back({.key = key, .name = key, .psnr_db = {db}, .psnr_mean_db = db});
  }
  budget.components = std::move(components);
  budget.kl_nats = {100};
  return budget;
}

double loss(const FidelityBudget& budget, const std::string& key) {
  for (const auto& one : losses_of(budget)) {
    if (one.key == key) return one.db;
  }
  ADD_FAILURE() << "no loss " << key;
  return NAN;
}

at::Tensor errors_of(const at::Tensor& drawn, const at::Tensor& pictures) {
  return (drawn - pictures).square().mean({1, 2, 3});
}

TEST(PictureDescent, NeverEndsWorseThanItBegan) {
  const auto model = tiny_model();
  const auto pictures = to_float(some_pictures(4));
  const auto start = at::randn({4, kLatent}, at::detail::createCPUGenerator(2));
  const auto draw = [&](const at::Tensor& rows) { return model.draw(model.decode(rows)); };
  const at::NoGradGuard no_gradient;
  const auto before = errors_of(draw(start), pictures);
  for (const double rate : {1e-3, 0.1, 10.0}) {
    for (const std::int64_t steps : {0, 1, 7}) {
      const auto best = descend(start, pictures, draw, {.steps = steps, .rate = rate});
      EXPECT_TRUE((errors_of(draw(best), pictures) <= before + 1e-7).all().item<bool>())
          << rate << " " << steps;
      if (steps > 0) continue;
      EXPECT_TRUE(at::equal(best, start));
    }
  }
}

TEST(PictureDescent, PicturesDoNotSeeEachOther) {
  const auto model = tiny_model();
  const auto pictures = to_float(some_pictures(3));
  const auto start = at::zeros({3, kLatent});
  const auto draw = [&](const at::Tensor& rows) { return model.draw(model.decode(rows)); };
  const auto together = descend(start, pictures, draw, {.steps = 10});
  for (std::int64_t k = 0; k < 3; ++k) {
    const auto alone =
        descend(start.narrow(0, k, 1), pictures.narrow(0, k, 1), draw, {.steps = 10});
    EXPECT_TRUE(at::allclose(alone, together.narrow(0, k, 1), 0, 1e-4)) << k;
  }
}

// What the decoder itself draws has a latent; from a start beside it, it is found again.
TEST(PictureDescent, FindsTheLatentOfWhatTheDecoderDraws) {
  const auto model = tiny_model();
  const auto generator = at::detail::createCPUGenerator(7);
  const auto latents = at::randn({4, kLatent}, generator);
  const auto start = latents + 0.5 * at::randn({4, kLatent}, generator);
  const auto draw = [&](const at::Tensor& rows) { return model.draw(model.decode(rows)); };
  const at::NoGradGuard no_gradient;
  const auto pictures = draw(latents);
  const FidelityBudgetSettings defaults;
  const auto best = descend(start, pictures, draw,
                            {.steps = defaults.latent_steps, .rate = defaults.latent_rate});
  EXPECT_LT(psnr_db(draw(start), pictures).min().item<double>(), 40);
  EXPECT_GT(psnr_db(draw(best), pictures).min().item<double>(), 45);
}

TEST(FidelityBudget, EveryPartsBestIsNoWorseThanThePart) {
  const auto& budget = quick_budget();
  const auto no_worse = [&](const std::string& better, const std::string& worse) {
    for (std::size_t k = 0; k < 5; ++k) {
      EXPECT_GE(budget.row(better).psnr_db.at(k), budget.row(worse).psnr_db.at(k) - 1e-4)
          << better << " " << worse << " " << k;
    }
    EXPECT_GT(budget.row(better).psnr_mean_db, budget.row(worse).psnr_mean_db + 0.05) << better;
  };
  no_worse("refined", "mean");
  no_worse("best_latent", "refined");
  no_worse("best_packets", "best_latent");
  no_worse("own_geometry", "refined");
  no_worse("moved", "placed");
  no_worse("pca_4", "pca_2");
  no_worse("pca_8", "pca_4");
}

TEST(FidelityBudget, CountsWhatItMeasured) {
  const auto& budget = quick_budget();
  EXPECT_EQ(budget.latent, kLatent);
  EXPECT_EQ(budget.components, (std::vector<std::int64_t>{2, 4, 8}));  // the latent's number too
  EXPECT_EQ(budget.left_out, (std::vector<std::int64_t>{64}));
  EXPECT_EQ(budget.examples, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(budget.kl_nats.size(), 5U);
  EXPECT_EQ(budget.shown.size(), 2U);
  std::vector<std::string> keys;
  for (const auto& row : budget.rows) {
    keys.push_back(row.key);
    EXPECT_EQ(row.psnr_db.size(), 5U) << row.key;
    ASSERT_EQ(row.shown.size(), 2U) << row.key;
    double sum = 0;
    for (const double db : row.psnr_db) sum += db;
    EXPECT_DOUBLE_EQ(row.psnr_mean_db, sum / 5) << row.key;
    // What is shown is what was scored.
    EXPECT_NEAR(map_psnr_db(row.shown[1], budget.shown[1]), row.psnr_db[2], 1e-3) << row.key;
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"sample", "mean", "refined", "best_latent",
                                            "best_packets", "own_geometry", "placed", "moved",
                                            "mean_image", "pca_2", "pca_4", "pca_8"}));
  EXPECT_EQ(budget.row("mean").numbers, kLatent);
  EXPECT_EQ(budget.row("placed").numbers, kPackets * 11);
  EXPECT_EQ(budget.row("pca_4").numbers, 4);
  EXPECT_THROW(budget.row("pca_64"), Error);
}

TEST(FidelityBudget, GoesWithoutFloors) {
  auto settings = quick();
  settings.latent_steps = settings.packet_steps = settings.refine = 0;
  const auto budget =
      measure_fidelity_budget(tiny_model(), some_pictures(2), std::nullopt, settings);
  EXPECT_EQ(budget.rows.size(), 8U);
  EXPECT_EQ(budget.row("best_latent").psnr_db, budget.row("mean").psnr_db);
  EXPECT_EQ(budget.row("best_packets").psnr_db, budget.row("mean").psnr_db);
  EXPECT_FALSE(pca_components_for(budget, 20));
  EXPECT_EQ(budget_table(budget, {}).find("PCA"), std::string::npos);
  EXPECT_EQ(budget_figure(budget).dim(), 3);
}

// Neither how pictures are cut into batches nor what was measured before moves a sample.
TEST(FidelityBudget, SamplesDependOnTheSeedAlone) {
  auto settings = quick();
  settings.latent_steps = settings.packet_steps = 0;
  const auto by_three = measured(settings);
  settings.batch = 1;
  const auto one_by_one = measured(settings);
  settings.seed = 6;
  const auto other = measured(settings);
  for (std::size_t k = 0; k < 5; ++k) {
    EXPECT_NEAR(by_three.row("sample").psnr_db[k], one_by_one.row("sample").psnr_db[k], 1e-3);
    // Farther than rounding, and no sample of five is as good as its mean.
    EXPECT_GT(std::abs(by_three.row("sample").psnr_db[k] - other.row("sample").psnr_db[k]), 2e-3);
    EXPECT_LT(by_three.row("sample").psnr_db[k], by_three.row("mean").psnr_db[k] - 0.05);
    // Without steps each descent ends where it starts.
    EXPECT_NEAR(by_three.row("best_latent").psnr_db[k], by_three.row("refined").psnr_db[k], 1e-3);
    EXPECT_NEAR(by_three.row("best_packets").psnr_db[k], by_three.row("refined").psnr_db[k], 1e-3);
    EXPECT_NEAR(by_three.row("moved").psnr_db[k], by_three.row("placed").psnr_db[k], 1e-2);
    EXPECT_NEAR(by_three.row("mean").psnr_db[k], other.row("mean").psnr_db[k], 1e-3);
  }
}

TEST(FidelityBudget, PcaIsTheSingularVectorsProjection) {
  const auto& budget = quick_budget();
  const auto training = some_pictures(12, 0.35).flatten(1).to(at::kDouble) / 255;
  const auto pictures = some_pictures(5).flatten(1).to(at::kDouble) / 255;
  const auto mean = training.mean(0);
  const auto directions = std::get<2>(at::linalg_svd(training - mean, /*full_matrices=*/false));
  for (const std::int64_t count : {0, 2, 4, 8}) {
    const auto some = directions.narrow(0, 0, count);
    const auto seen =
        (mean + at::matmul(at::matmul(pictures - mean, some.t()), some)).clamp(0.0, 1.0);
    const auto errors = (seen - pictures).square().mean(1);
    const auto& row = budget.row(count == 0 ? "mean_image" : "pca_" + std::to_string(count));
    for (std::int64_t k = 0; k < 5; ++k) {
      EXPECT_NEAR(row.psnr_db[static_cast<std::size_t>(k)],
                  -10 * std::log10(errors[k].item<double>()), 1e-3)
          << count << " " << k;
    }
  }
}

TEST(FidelityBudget, KlIsThatOfEachPicturesPosterior) {
  const auto& budget = quick_budget();
  const auto model = tiny_model();
  model.train(false);
  const at::NoGradGuard no_gradient;
  const auto posterior = model.encode(to_float(some_pictures(5)));
  const auto mean = posterior.mean.to(at::kDouble), log = posterior.log_variance.to(at::kDouble);
  const auto nats = 0.5 * (log.exp() + mean.square() - 1 - log).sum(1);
  for (std::int64_t k = 0; k < 5; ++k) {
    const double expected = nats[k].item<double>();
    EXPECT_NEAR(budget.kl_nats[static_cast<std::size_t>(k)], expected, 1e-4 * (1 + expected));
  }
}

/// The best PSNR that coefficients free of all bounds give packets of this geometry [N, 5], by
/// damped Gauss-Newton in double precision on the whole matrix of the packets' waves.
double best_psnr_db(const at::Tensor& geometry, const at::Tensor& picture) {
  const auto packets = geometry.size(0);
  auto units = at::zeros({2 * packets, packets, 7}, at::kDouble);
  units.slice(2, 0, 5).copy_(geometry.unsqueeze(0).expand({2 * packets, packets, 5}));
  for (std::int64_t n = 0; n < 2 * packets; ++n) units[n][n / 2][5 + n % 2] = 1;
  const auto waves = render(units, kSide, kSide,
                            {.form = PacketForm::activated,
                             .output = Output::linear,
                             .renderer = RendererKind::dense})
                         .flatten(1)
                         .t();  // [pixels, 2N]
  double error = 0;
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto target = picture[c].flatten().to(at::kDouble).unsqueeze(1);
    auto coefficients = at::zeros({2 * packets, 1}, at::kDouble);
    double damping = 1, least = (0.5 - target).square().mean().item<double>();
    for (int i = 0; i < 200; ++i) {
      const auto drawn = at::sigmoid(at::matmul(waves, coefficients));
      const auto slopes = waves * (drawn * (1 - drawn));
      const auto step = at::linalg_solve(
          at::matmul(slopes.t(), slopes) + damping * at::eye(2 * packets, at::kDouble),
          at::matmul(slopes.t(), target - drawn));
      const auto tried = coefficients + step;
      const double reached =
          (at::sigmoid(at::matmul(waves, tried)) - target).square().mean().item<double>();
      damping = reached < least ? damping / 3 : damping * 4;
      if (reached >= least) continue;
      least = reached;
      coefficients = tried;
    }
    error += least / 3;
  }
  return -10 * std::log10(error);
}

TEST(FidelityBudget, TheClosedFormIsTheBestForTheDecodersGeometry) {
  auto settings = quick();
  settings.latent_steps = settings.packet_steps = settings.refine = 0;
  const auto model = tiny_model();
  const auto bytes = some_pictures(3);
  const auto budget = measure_fidelity_budget(model, bytes, std::nullopt, settings);
  const at::NoGradGuard no_gradient;
  const auto pictures = to_float(bytes);
  const auto packets = activate_packets(model.decode(model.latents_of(pictures)));
  for (std::int64_t k = 0; k < 3; ++k) {
    const double best = best_psnr_db(packets[k].slice(1, 0, 5).to(at::kDouble), pictures[k]);
    const double ours = budget.row("own_geometry").psnr_db[static_cast<std::size_t>(k)];
    EXPECT_GT(ours, best - 0.2);  // its last steps are slow
    EXPECT_LT(ours, best + 1e-3);
  }
}

TEST(BudgetLosses, AddUpFromTheSampleToWhatPacketsCanSay) {
  const auto& budget = quick_budget();
  EXPECT_NEAR(budget.row("sample").psnr_mean_db + loss(budget, "sampling") +
                  loss(budget, "encoder") + loss(budget, "decoder") + loss(budget, "ranges"),
              budget.row("moved").psnr_mean_db, 1e-9);
  const auto by_hand = of_rows({{"sample", 18},
                                {"mean", 19},
                                {"refined", 19.25},
                                {"best_latent", 20},
                                {"best_packets", 26},
                                {"moved", 34},
                                {"pca_8", 17}},
                               {8});
  auto with_latent = by_hand;
  with_latent.latent = 8;
  EXPECT_DOUBLE_EQ(loss(with_latent, "sampling"), 1);
  EXPECT_DOUBLE_EQ(loss(with_latent, "refinement"), 0.25);
  EXPECT_DOUBLE_EQ(loss(with_latent, "encoder"), 1);
  EXPECT_DOUBLE_EQ(loss(with_latent, "decoder"), 6);
  EXPECT_DOUBLE_EQ(loss(with_latent, "ranges"), 8);
  EXPECT_DOUBLE_EQ(loss(with_latent, "latent_over_pca"), 3);
  EXPECT_EQ(losses_of(by_hand).size(), 5U);  // no PCA with as many numbers
}

TEST(BudgetLosses, PcaIsReadBetweenItsRows) {
  const auto budget = of_rows({{"pca_32", 10}, {"pca_128", 14}, {"pca_256", 15}}, {32, 128, 256});
  EXPECT_NEAR(pca_components_for(budget, 12).value(), 64, 1e-9);
  EXPECT_NEAR(pca_components_for(budget, 10).value(), 32, 1e-9);
  EXPECT_NEAR(pca_components_for(budget, 14.5).value(), 128 * std::sqrt(2.0), 1e-9);
  EXPECT_NEAR(pca_components_for(budget, 15).value(), 256, 1e-9);
  EXPECT_FALSE(pca_components_for(budget, 9.99));
  EXPECT_FALSE(pca_components_for(budget, 15.01));
  EXPECT_FALSE(pca_components_for(budget, NAN));
}

TEST(BudgetLosses, BetaChargesDecibels) {
  const auto budget = of_rows({{"sample", 20}});
  EXPECT_NEAR(kl_charge_db(budget, {"psnr", 5e-4}), 0.05, 1e-12);
  EXPECT_NEAR(kl_charge_db(budget, {"mse", 1e-4}), 10 * std::log10(2.0), 1e-9);
  EXPECT_EQ(kl_charge_db(budget, {"mse", 0}), 0);
}

TEST(BudgetFigures, HaveARowForEach) {
  const auto& budget = quick_budget();
  const auto table = budget_table(budget, KlCharge{"psnr", 1e-3});
  for (const auto& row : budget.rows) EXPECT_NE(table.find(row.name), std::string::npos);
  for (const auto& one : losses_of(budget)) EXPECT_NE(table.find(one.name), std::string::npos);
  const auto figure = budget_figure(budget), sheet = budget_sheet(budget);
  EXPECT_GT(figure.size(2), 1000);
  EXPECT_GT(sheet.size(1), 128 * 13);  // the pictures and twelve rows
  EXPECT_TRUE(figure.isfinite().all().item<bool>());
}

TEST(FidelityBudget, RefusesWhatCannotBe) {
  for (const auto change : {+[](FidelityBudgetSettings& s) { s.refine = -1; },
                            +[](FidelityBudgetSettings& s) { s.latent_steps = -1; },
                            +[](FidelityBudgetSettings& s) { s.packet_steps = -1; },
                            +[](FidelityBudgetSettings& s) { s.batch = 0; },
                            +[](FidelityBudgetSettings& s) { s.examples = 0; },
                            +[](FidelityBudgetSettings& s) {
                              s.components = {4, 0};
                            },
                            +[](FidelityBudgetSettings& s) { s.latent_rate = 0; },
                            +[](FidelityBudgetSettings& s) { s.latent_rate = NAN; },
                            +[](FidelityBudgetSettings& s) { s.packet_rate = 11; }}) {
    auto settings = quick();
    change(settings);
    EXPECT_THROW(check(settings), UsageError);
  }
  const auto refuses = [](const at::Tensor& pictures) {
    EXPECT_THROW(measure_fidelity_budget(tiny_model(), pictures, std::nullopt, quick()),
                 UsageError);
  };
  refuses(some_pictures(2).narrow(0, 0, 0));
  refuses(some_pictures(2).narrow(2, 0, 16));
  refuses(to_float(some_pictures(2)));
}

}  // namespace
}  // namespace neurosplat
