#include "neurosplat/recordings/simulated_session.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "neurosplat/core/error.h"
#include "neurosplat/recordings/picture_responses.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

/// Pictures with structure at every scale.
at::Tensor pictures(std::int64_t count, std::uint64_t seed = 1) {
  const auto generator = at::detail::createCPUGenerator(seed);
  auto sum = at::zeros({count, 1, 64, 64});
  for (const std::int64_t side : {4, 8, 16, 32, 64}) {
    const auto noise = at::randn({count, 1, side, side}, generator, at::kFloat);
    sum += at::upsample_bilinear2d(noise, {64, 64}, false) * (8.0 / static_cast<double>(side));
  }
  return (128 + 40 * sum).clamp(0, 255).to(at::kByte).expand({count, 3, 64, 64}).contiguous();
}

/// 20 repeats of 60 pictures, written and read again.
class SimulatedRecording : public ::testing::Test {
 protected:
  static constexpr std::int64_t kPictures = 60, kRepeats = 20;
  static void SetUpTestSuite() {
    session_ = new SimulatedSession(
        pictures(kPictures),
        {.units = 24, .bad_units = 17, .repeats = kRepeats, .blanks = 30, .seed = 3});
    folder_ = new TemporaryFolder();
    session_->write(*folder_ / "a.nwb");
  }
  static void TearDownTestSuite() {
    delete session_;
    delete folder_;
  }
  static NwbFile file() { return NwbFile(*folder_ / "a.nwb"); }
  static SimulatedSession* session_;
  static TemporaryFolder* folder_;
};

SimulatedSession* SimulatedRecording::session_ = nullptr;
TemporaryFolder* SimulatedRecording::folder_ = nullptr;

TEST_F(SimulatedRecording, FiltersKeepTheGoodUnits) {
  const auto read = file();
  EXPECT_EQ(read.units().size(), 6U * 24 + 17 + 1);
  EXPECT_EQ(read.units().area, session_->areas());
  const auto kept = select_units(read.units(), {});
  EXPECT_TRUE(kept.absent.empty());
  EXPECT_EQ(kept.rows, session_->good());
  EXPECT_EQ(kept.rows.size(), 6U * 24);
  // Each rule is needed: 17 bad units fail 4, 4, 3, 3 and 3 of the five, the empty one the rate.
  const auto kept_without = [&](UnitFilter filter) {
    return select_units(read.units(), filter).rows.size() - kept.rows.size();
  };
  EXPECT_EQ(kept_without({.most_amplitude_cutoff = 1}), 4U);
  EXPECT_EQ(kept_without({.least_presence_ratio = 0}), 4U);
  EXPECT_EQ(kept_without({.most_isi_violations = 1e9}), 3U);
  EXPECT_EQ(kept_without({.quality = ""}), 3U);
  EXPECT_EQ(kept_without({.valid_electrode = false}), 3U);
  EXPECT_EQ(kept_without({.least_rate = 0}), 1U);
}

TEST_F(SimulatedRecording, SpikesComeBackAsTheyWere) {
  const auto read = file();
  const auto empty = read.units().size() - 2;
  EXPECT_EQ(read.units().spikes[empty], 0U);
  for (const std::size_t unit : {std::size_t{0}, empty - 1, empty, empty + 1}) {
    EXPECT_EQ(read.spike_times(unit), session_->spike_times(unit)) << unit;
  }
}

/// The rules of those who made the format.
TEST_F(SimulatedRecording, TheInspectorFindsNothingCritical) {
  const auto python = python_with("nwbinspector");
  if (!python) GTEST_SKIP() << "SKIPPED: no nwbinspector in the Python environment";
  const auto done =
      run_command({*python, "-c",
                   "import nwbinspector as n, sys\n"
                   "for m in n.inspect_nwbfile(nwbfile_path=sys.argv[1]):\n"
                   "    if m.importance.value >= n.Importance.CRITICAL.value:\n"
                   "        print(m.importance.name, m.check_function_name, m.message)\n",
                   (*folder_ / "a.nwb").string()});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(done.output, "");
}

TEST_F(SimulatedRecording, PresentationsAreBackToBackInBlocks) {
  const auto shown = file().presentations("natural_scenes");
  ASSERT_EQ(shown.start.size(), static_cast<std::size_t>(kPictures * kRepeats + 30));
  EXPECT_EQ(std::count(shown.picture.begin(), shown.picture.end(), -1), 30);
  std::map<std::int64_t, std::set<std::int64_t>> in_block;
  for (std::size_t i = 0; i < shown.start.size(); ++i) {
    EXPECT_NEAR(shown.start[i], 30 + 0.2502 * static_cast<double>(i), 1e-9);
    EXPECT_NEAR(shown.stop[i] - shown.start[i], 0.2502, 1e-9);
    if (shown.picture[i] >= 0) in_block[shown.block[i]].insert(shown.picture[i]);
  }
  EXPECT_EQ(in_block.size(), static_cast<std::size_t>(kRepeats));
  for (const auto& [block, seen] : in_block) {
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(kPictures)) << block;
  }
}

at::Tensor counts_of(const NwbFile& file, const std::vector<std::size_t>& units) {
  return responses_of(file, units, file.presentations("natural_scenes"), {0.05, 0.3})
      .counts.to(at::kDouble);
}

/// Sums over the repeats against the truth: beside Poisson's variance there are 10 % of the mean's
/// by the shared gain; the drift's sine does not average out in 6 minutes, up to 10 %.
TEST_F(SimulatedRecording, CountsFollowTheTruth) {
  const auto good = session_->good();
  const auto counts = counts_of(file(), good).mean(2);
  const auto truth = session_->mean_counts(0.25).index_select(
      1, at::tensor(std::vector<std::int64_t>(good.begin(), good.end())));
  const auto error = (counts - truth) / (1.12 * truth / kRepeats + (0.07 * truth).square()).sqrt();
  EXPECT_NEAR(error.mean().item<double>(), 0, 0.2);
  EXPECT_LT(error.square().mean().item<double>(), 1.3);
  EXPECT_GT(error.square().mean().item<double>(), 0.7);
  EXPECT_GE(session_->rates().select(1, static_cast<std::int64_t>(good[0])).mean().item<double>(),
            2);
}

/// Correlation of counts to the same picture, over pairs of units: their noise.
TEST_F(SimulatedRecording, NoiseIsCorrelated) {
  const auto counts = counts_of(file(), session_->good());
  auto noise = (counts - counts.mean(2, true)).permute({1, 0, 2}).flatten(1);
  noise = noise / noise.square().mean(1, true).sqrt();
  const auto correlations = noise.mm(noise.t()) / static_cast<double>(noise.size(1));
  const auto units = correlations.size(0);
  const auto pairs = (correlations.sum() - correlations.diagonal(0, 0, 1).sum()) /
                     static_cast<double>(units * (units - 1));
  EXPECT_NEAR(pairs.item<double>(), 0.1, 0.015);
}

/// Variance over pictures against the variance of the mean's noise, averaged over units.
TEST_F(SimulatedRecording, AreasRankAsPlanted) {
  const auto read = file();
  std::vector<double> snr, waveform_snr;
  for (const char* area : kVisualAreas) {
    const auto rows = select_units(read.units(), {.areas = {area}}).rows;
    ASSERT_EQ(rows.size(), 24U);
    const auto counts = counts_of(read, rows);
    const auto noise = counts.var(2, true).mean(0);
    const auto signal = counts.mean(2).var(0, true) - noise / static_cast<double>(kRepeats);
    snr.push_back((signal / noise).mean().item<double>());
    double sum = 0;
    for (const auto row : rows) sum += read.units().snr[row] / 24;
    waveform_snr.push_back(sum);
  }
  EXPECT_TRUE(std::is_sorted(snr.rbegin(), snr.rend())) << at::tensor(snr);
  EXPECT_TRUE(std::is_sorted(waveform_snr.rbegin(), waveform_snr.rend()));
  EXPECT_GT(snr.front(), 4 * snr.back());
}

/// The best decoder that knows the mean counts but no gain, on counts that were recorded.
double identified(const at::Tensor& counts, const at::Tensor& truth, std::int64_t repeats) {
  std::int64_t right = 0, all = 0;
  const auto log_rates = truth.clamp_min(1e-9).log();
  for (std::int64_t first = 0; first + repeats <= counts.size(2); first += repeats) {
    const auto sums = counts.narrow(2, first, repeats).sum(2);
    const auto likelihood =
        sums.mm(log_rates.t()) - static_cast<double>(repeats) * truth.sum(1).unsqueeze(0);
    right += likelihood.argmax(1).eq(at::arange(counts.size(0))).sum().item<std::int64_t>();
    all += counts.size(0);
  }
  return static_cast<double>(right) / static_cast<double>(all);
}

TEST_F(SimulatedRecording, NoDecoderExceedsTheBound) {
  const auto read = file();
  const auto truth = session_->mean_counts(0.25);
  for (const char* area : {"VISp", "VISpm"}) {
    const auto rows = select_units(read.units(), {.areas = {area}}).rows;
    const auto counts = counts_of(read, rows);
    const auto known =
        truth.index_select(1, at::tensor(std::vector<std::int64_t>(rows.begin(), rows.end())));
    double before = 1.0 / kPictures;
    for (const std::int64_t repeats : {1, 5, 20}) {
      const double bound = session_->identification_bound(rows, repeats, 0.25, 600, 1);
      const double got = identified(counts, known, repeats);
      // Three deviations of both.
      EXPECT_LE(got, bound + 0.08) << area << ' ' << repeats;
      EXPECT_GE(got, 0.6 * bound - 0.05) << area << ' ' << repeats;
      EXPECT_GE(bound, before) << area << ' ' << repeats;
      before = bound;
    }
  }
  // All areas and ten repeats: near certain.
  EXPECT_GT(
      identified(counts_of(read, session_->good()),
                 truth.index_select(1, at::tensor(std::vector<std::int64_t>(
                                           session_->good().begin(), session_->good().end()))),
                 10),
      0.95);
}

/// One unit, two pictures, one presentation: the best decoder's share summed over counts and
/// integrated over the gain.
double two_way_share(double first, double second, double correlation) {
  const auto expected = [&](double rate, double z) {
    const double variance = std::log1p(correlation / (1 - correlation) / (0.2502 * rate));
    return 0.25 * rate * std::exp(std::sqrt(variance) * z - variance / 2);
  };
  double share = 0, weights = 0;
  for (double z = -6; z <= 6; z += 0.02) {
    const double weight = std::exp(-z * z / 2);
    const double one = expected(first, z), other = expected(second, z);
    double sum = 0;
    for (int k = 0; k < 200; ++k) {
      sum += std::exp(std::max(k * std::log(one) - one, k * std::log(other) - other) -
                      std::lgamma(k + 1.0));
    }
    share += weight * sum / 2;
    weights += weight;
  }
  return share / weights;
}

TEST(SimulatedSession, TheBoundIsTheBestDecodersShare) {
  const auto shown = pictures(2);
  for (const double correlation : {0.0, 0.1, 0.4}) {
    const SimulatedSession session(shown, {.units = 1,
                                           .bad_units = 0,
                                           .repeats = 1,
                                           .blanks = 0,
                                           .correlation = correlation,
                                           .drift = 0,
                                           .seed = 2});
    // Of the first area, whose units tell most.
    const auto in_first = [&](auto row) { return session.areas()[row] == kVisualAreas[0]; };
    const auto unit = *std::find_if(session.good().begin(), session.good().end(), in_first);
    const auto rates = session.rates().select(1, static_cast<std::int64_t>(unit));
    const double best =
        two_way_share(rates[0].item<double>(), rates[1].item<double>(), correlation);
    // Four deviations of 30000 draws.
    EXPECT_NEAR(session.identification_bound({&unit, 1}, 1, 0.25, 30'000, 1), best, 0.01) << best;
  }
}

TEST(SimulatedSession, IsTheSameForASeed) {
  const auto shown = pictures(5);
  const SimulatedSessionOptions options{.units = 2, .bad_units = 1, .repeats = 2, .blanks = 1};
  auto other = options;
  other.seed = 1;
  const SimulatedSession one(shown, options), again(shown, options), differs(shown, other);
  EXPECT_EQ(one.spike_times(0), again.spike_times(0));
  EXPECT_NE(one.spike_times(0), differs.spike_times(0));
  EXPECT_EQ(one.presentations().picture, again.presentations().picture);
  EXPECT_EQ(one.identification_bound(one.good(), 1, 0.25, 20, 1),
            again.identification_bound(one.good(), 1, 0.25, 20, 1));
}

TEST(SimulatedSession, RefusesWhatCannotBe) {
  const auto shown = pictures(3);
  EXPECT_THROW(SimulatedSession(shown, {.units = 0}), UsageError);
  EXPECT_THROW(SimulatedSession(shown, {.correlation = 0.6}), UsageError);
  EXPECT_THROW(SimulatedSession(shown, {.drift = std::nan("")}), UsageError);
  EXPECT_THROW(SimulatedSession(shown.narrow(0, 0, 1), {}), UsageError);
  EXPECT_THROW(SimulatedSession(shown.to(at::kFloat), {}), Error);
  const SimulatedSession session(shown, {.units = 1, .bad_units = 0, .repeats = 1, .blanks = 0});
  EXPECT_THROW(session.identification_bound({}, 1, 0.25, 1, 0), UsageError);
  EXPECT_THROW(session.identification_bound(session.good(), 1, 0.3, 1, 0), UsageError);
}

}  // namespace
}  // namespace neurosplat::testing
