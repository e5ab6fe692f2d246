#include "neurosplat/recordings/nwb.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "neurosplat/core/error.h"
#include "nwb_cases.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::size_t> all_units(const NwbFile& file) {
  std::vector<std::size_t> rows(file.units().size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

/// A line a unit as Python prints it: id, area, spikes, first and last of them.
std::string lines_of(const NwbFile& file) {
  std::string lines;
  for (const auto unit : all_units(file)) {
    const auto seconds = file.spike_times(unit);
    char numbers[128];
    std::snprintf(numbers, sizeof numbers, " %zu %.12g %.12g %.9g\n", seconds.size(),
                  seconds.empty() ? 0 : seconds.front(), seconds.empty() ? 0 : seconds.back(),
                  std::accumulate(seconds.begin(), seconds.end(), 0.0));
    lines += std::to_string(file.units().id[unit]) + ' ' + file.units().area[unit] + numbers;
  }
  return lines;
}

constexpr const char* kH5py =
    "import h5py, math, sys\n"
    "u = h5py.File(sys.argv[1])['units']\n"
    "t, b = u['spike_times'][()], 0\n"
    "for i, e, a in zip(u['id'], u['spike_times_index'], u['location'].asstr()):\n"
    "    e = int(e); s = t[b:e]; b = e\n"
    "    print(i, a or 'unknown', len(s), '%.12g %.12g %.9g' % (s[0], s[-1], math.fsum(s)))\n";
constexpr const char* kPynwb =
    "import math, pynwb, sys\n"
    "u = pynwb.NWBHDF5IO(sys.argv[1], 'r').read().units\n"
    "for k in range(len(u)):\n"
    "    s = u['spike_times'][k]\n"
    "    print(u.id[k], u['location'][k] or 'unknown', len(s), '%.12g %.12g %.9g' % (s[0], s[-1], "
    "math.fsum(s)))\n";

/// Recordings that we did not write; the data's note gives units and spikes.
TEST(NwbFile, ReadsTheSharedRecordings) {
  const auto root = shared_folder("data/nwb");
  if (!root) GTEST_SKIP() << "SKIPPED: no shared data/nwb";
  const NwbFile one(*root / "A2929-200711.nwb"), other(*root / "A8604-211122.nwb");
  EXPECT_EQ(one.version(), "2.4.0");
  EXPECT_EQ(one.identifier(), "A2929-200711");
  EXPECT_EQ(one.units().size(), 15U);
  EXPECT_EQ(std::accumulate(one.units().spikes.begin(), one.units().spikes.end(), 0UL), 98'794U);
  EXPECT_NEAR(one.units().last_spike - one.units().first_spike, 1200, 5);
  EXPECT_EQ(one.units().area_source, "units.location");
  EXPECT_EQ(one.units().area.front(), "adn");
  EXPECT_EQ(other.units().id, (std::vector<std::int64_t>{6, 191, 206}));
  EXPECT_EQ(std::accumulate(other.units().spikes.begin(), other.units().spikes.end(), 0UL),
            21'354U);
  EXPECT_FALSE(one.intervals().empty());
  EXPECT_TRUE(one.units().quality.empty());
  // Nothing to filter by but the rate.
  const auto kept = select_units(one.units(), {});
  EXPECT_EQ(kept.rows.size(), 15U);
  EXPECT_EQ(kept.absent.size(), 5U);
}

void expect_python_agrees(const std::string& module, const char* script) {
  const auto root = shared_folder("data/nwb");
  if (!root) GTEST_SKIP() << "SKIPPED: no shared data/nwb";
  const auto python = python_with(module);
  if (!python) GTEST_SKIP() << "SKIPPED: no " << module << " in the Python environment";
  for (const char* name : {"A2929-200711.nwb", "A8604-211122.nwb"}) {
    const auto done = run_command({*python, "-c", script, (*root / name).string()});
    ASSERT_EQ(done.status, 0) << done.errors;
    EXPECT_EQ(lines_of(NwbFile(*root / name)), done.output);
  }
}

TEST(NwbFile, AgreesWithH5py) {
  expect_python_agrees("h5py", kH5py);
}

TEST(NwbFile, AgreesWithPynwb) {
  expect_python_agrees("pynwb", kPynwb);
}

TEST(NwbFile, ReadsTheTables) {
  const TemporaryFolder folder;
  const NwbFile file(write_small(folder / "a.nwb"));
  const auto& units = file.units();
  EXPECT_EQ(file.identifier(), "small");
  EXPECT_EQ(file.session_start_time(), small_session().start_time);
  EXPECT_EQ(units.id, (std::vector<std::int64_t>{11, 12, 13, 14}));
  EXPECT_EQ(units.spikes, (std::vector<std::uint64_t>{5, 0, 6, 1}));
  EXPECT_EQ(units.first, (std::vector<std::uint64_t>{0, 5, 5, 11}));
  EXPECT_EQ(units.area, (std::vector<std::string>{"VISl", "VISp", "VISam", "VISp"}));
  EXPECT_EQ(units.area_source, "units.peak_channel_id");
  EXPECT_EQ(units.valid_electrode, (std::vector<std::uint8_t>{1, 1, 0, 1}));
  EXPECT_EQ(units.quality.back(), "noise");
  EXPECT_EQ(units.presence_ratio, (std::vector<double>{0.99, 0.98, 0.97, 0.5}));
  EXPECT_EQ(units.first_spike, 0.05);
  EXPECT_EQ(units.last_spike, 4.0);
  EXPECT_DOUBLE_EQ(units.rate(0), 1.0);
  for (std::size_t unit = 0; unit < 4; ++unit) {
    EXPECT_EQ(file.spike_times(unit), kSmallSpikes[unit]) << unit;
  }
  const auto shown = file.presentations("natural_scenes");
  EXPECT_EQ(shown.name, "natural_scenes_presentations");
  EXPECT_EQ(shown.picture, (std::vector<std::int64_t>{2, -1, 0}));
  EXPECT_EQ(shown.block, (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(shown.start, (std::vector<double>{1, 1.25, 1.5}));
}

/// Spikes of some units in any order, each at its place.
TEST(NwbFile, VisitsUnitsInAnyOrder) {
  const TemporaryFolder folder;
  const NwbFile file(write_small(folder / "a.nwb"));
  std::vector<std::vector<double>> got(3);
  file.visit_spikes(std::vector<std::size_t>{3, 1, 0}, [&](auto place, auto seconds) {
    got[place].insert(got[place].end(), seconds.begin(), seconds.end());
  });
  EXPECT_EQ(got[0], kSmallSpikes[3]);
  EXPECT_EQ(got[1], kSmallSpikes[1]);
  EXPECT_EQ(got[2], kSmallSpikes[0]);
  EXPECT_THROW(file.spike_times(4), UsageError);
  EXPECT_THROW(file.visit_spikes(std::vector<std::size_t>{2, 2}, [](auto, auto) {}), UsageError);
}

/// Units that span pieces of a read, begin and end at their borders, and lie far apart.
TEST(NwbFile, PiecesMeetAtTheirBorders) {
  constexpr std::size_t kPiece = 1U << 17U;
  auto session = small_session();
  const std::vector<std::size_t> sizes = {kPiece, 0, 2 * kPiece + 5, 3};
  const TemporaryFolder folder;
  write_nwb(folder / "a.nwb", session, [&](std::size_t unit) {
    std::vector<double> seconds(sizes[unit]);
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      seconds[i] = 100 * static_cast<double>(unit) + 1e-6 * static_cast<double>(i);
    }
    return seconds;
  });
  const NwbFile file(folder / "a.nwb");
  for (const auto& rows : {std::vector<std::size_t>{0, 1, 2, 3}, {3, 0}, {2}}) {
    std::vector<std::size_t> counts(4);
    file.visit_spikes(rows, [&](auto place, auto seconds) {
      const auto unit = rows[place];
      EXPECT_LE(seconds.size(), kPiece);
      EXPECT_EQ(seconds.front(),
                100 * static_cast<double>(unit) + 1e-6 * static_cast<double>(counts[unit]));
      counts[unit] += seconds.size();
    });
    for (const auto unit : rows) EXPECT_EQ(counts[unit], sizes[unit]);
  }
}

template <class Value>
void expect_index_of(const fs::path& path, hid_t stored, hid_t given) {
  put(path, "/units/spike_times_index", {stored}, given, std::vector<Value>{5, 5, 11, 12});
  const NwbFile file(path);
  for (std::size_t unit = 0; unit < 4; ++unit)
    EXPECT_EQ(file.spike_times(unit), kSmallSpikes[unit]);
}

TEST(NwbFile, IndexOfAnyWidth) {
  const TemporaryFolder folder;
  const auto path = write_small(folder / "a.nwb");
  expect_index_of<std::uint8_t>(path, H5T_STD_U8LE, H5T_NATIVE_UINT8);
  expect_index_of<std::uint16_t>(path, H5T_STD_U16LE, H5T_NATIVE_UINT16);
  expect_index_of<std::uint32_t>(path, H5T_STD_U32LE, H5T_NATIVE_UINT32);
  expect_index_of<std::uint64_t>(path, H5T_STD_U64LE, H5T_NATIVE_UINT64);
  expect_index_of<std::int8_t>(path, H5T_STD_I8LE, H5T_NATIVE_INT8);
  expect_index_of<std::int16_t>(path, H5T_STD_I16LE, H5T_NATIVE_INT16);
  expect_index_of<std::int32_t>(path, H5T_STD_I32BE, H5T_NATIVE_INT32);
  expect_index_of<std::int64_t>(path, H5T_STD_I64LE, H5T_NATIVE_INT64);
}

TEST(NwbFile, OtherWaysOfStoring) {
  const TemporaryFolder folder;
  const auto path = write_small(folder / "a.nwb");
  std::vector<double> all;
  for (const auto& seconds : kSmallSpikes) all.insert(all.end(), seconds.begin(), seconds.end());
  put(path, "/units/spike_times", {H5T_IEEE_F32LE, 4, true}, H5T_NATIVE_DOUBLE, all);
  put_fixed_texts(path, "/general/extracellular_ephys/electrodes/location", {"VISp", "", "VISam"},
                  8);
  put_fixed_texts(path, "/units/quality", {"good", "noise", "good", "good"}, 5);
  put(path, "/intervals/natural_scenes_presentations/frame", {H5T_STD_I16LE}, H5T_NATIVE_INT,
      std::vector<int>{4, 3, -1});
  const NwbFile file(path);
  EXPECT_EQ(file.spike_times(0)[3], static_cast<double>(1.4F));
  EXPECT_EQ(file.units().area, (std::vector<std::string>{"unknown", "VISp", "VISam", "VISp"}));
  EXPECT_EQ(file.units().quality[1], "noise");
  EXPECT_EQ(file.presentations("natural_scenes").picture, (std::vector<std::int64_t>{4, 3, -1}));
}

TEST(NwbFile, AreasFromARegionAndFromUnits) {
  const TemporaryFolder folder;
  const auto path = write_small(folder / "a.nwb");
  remove_object(path, "/units/peak_channel_id");
  EXPECT_EQ(NwbFile(path).units().area_source, "none");
  EXPECT_EQ(NwbFile(path).units().area.front(), "unknown");
  put_fixed_texts(path, "/units/quality", {"good", "good", "good", "good"}, 4);
  put(path, "/units/electrodes", {H5T_STD_I64LE}, H5T_NATIVE_INT, std::vector<int>{2, 1, 0, 1});
  EXPECT_EQ(NwbFile(path).units().area,
            (std::vector<std::string>{"VISam", "VISl", "VISp", "VISl"}));
  put(path, "/units/electrodes_index", {H5T_STD_U8LE}, H5T_NATIVE_INT,
      std::vector<int>{1, 1, 3, 4});
  const NwbFile file(path);
  EXPECT_EQ(file.units().area_source, "units.electrodes");
  EXPECT_EQ(file.units().area, (std::vector<std::string>{"VISam", "unknown", "VISl", "VISl"}));
  EXPECT_EQ(file.units().valid_electrode, (std::vector<std::uint8_t>{0, 0, 1, 1}));
}

TEST(SelectUnits, FollowsEachRule) {
  const TemporaryFolder folder;
  auto units = NwbFile(write_small(folder / "a.nwb")).units();
  units.valid_electrode = {1, 1, 1, 1};
  units.firing_rate = {0.1, 0.09, 5, 5};
  const auto kept = [&](const UnitFilter& filter) { return select_units(units, filter).rows; };
  using Rows = std::vector<std::size_t>;
  EXPECT_EQ(kept({}), (Rows{0, 2}));
  EXPECT_EQ(kept({.least_rate = 0}), (Rows{0, 1, 2}));
  EXPECT_EQ(kept({.areas = {"VISam", "VISp"}}), (Rows{2}));
  const UnitFilter open{1, 0, 10, "", false, 0, {}};
  EXPECT_EQ(kept(open), (Rows{0, 1, 2, 3}));
  auto filter = open;
  filter.most_amplitude_cutoff = 0.02;
  EXPECT_EQ(kept(filter), (Rows{0, 1}));
  filter = open;
  filter.least_presence_ratio = 0.97;
  EXPECT_EQ(kept(filter), (Rows{0, 1, 2}));
  filter = open;
  filter.most_isi_violations = 0.2;
  EXPECT_EQ(kept(filter), (Rows{0, 1}));
  filter = open;
  filter.quality = "good";
  EXPECT_EQ(kept(filter), (Rows{0, 1, 2}));
  units.amplitude_cutoff[0] = std::nan("");
  EXPECT_EQ(kept({}), (Rows{2}));
  EXPECT_TRUE(select_units(units, {}).absent.empty());
  units.amplitude_cutoff.clear();
  EXPECT_EQ(select_units(units, {}).absent, (std::vector<std::string>{"amplitude_cutoff"}));
  EXPECT_EQ(kept({}), (Rows{0, 2}));
  EXPECT_THROW(select_units(units, {.areas = {"CA1"}}), Error);
}

}  // namespace
}  // namespace neurosplat::testing
