#include "neurosplat/recordings/nwb_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "neurosplat/core/error.h"
#include "nwb_cases.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

TEST(NwbWriter, PynwbReadsWhatWeWrite) {
  const auto python = python_with("pynwb");
  if (!python) GTEST_SKIP() << "SKIPPED: no pynwb in the Python environment";
  const TemporaryFolder folder;
  const auto path = write_small(folder / "a.nwb");
  const auto done = run_command(
      {*python, "-c",
       "import pynwb, sys\n"
       "f = pynwb.NWBHDF5IO(sys.argv[1], 'r').read()\n"
       "u, e = f.units, f.electrodes.to_dataframe()\n"
       "print(f.identifier, len(u), f.session_start_time.isoformat())\n"
       "for i in range(len(u)):\n"
       "    print(u.id[i], u['spike_times'][i].tolist(), u['quality'][i], u['peak_channel_id'][i],"
       " u['firing_rate'][i])\n"
       "print(e.index.tolist(), e.location.tolist(), e.valid_data.tolist(), e.z.tolist())\n"
       "print([g.name for g in e.group], [g.device.name for g in e.group])\n"
       "s = f.intervals['natural_scenes_presentations'].to_dataframe()\n"
       "print(s.start_time.tolist(), s.stop_time.tolist(), s.frame.tolist(),"
       " s.stimulus_block.tolist())\n",
       path.string()});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(done.output,
            "small 4 2019-01-01T00:00:00+00:00\n"
            "11 [0.1, 0.2, 0.2, 1.4, 2.9] good 102 1.0\n"
            "12 [] good 100 0.0\n"
            "13 [0.05, 1.25, 1.25, 1.26, 3.5, 4.0] good 7 1.2\n"
            "14 [2.0] noise 100 0.2\n"
            "[100, 102, 7] ['VISp', 'VISl', 'VISam'] [True, True, False] [3.0, 3.0, 6.0]\n"
            "['probeA', 'probeA', 'probeB'] ['probeA', 'probeA', 'probeB']\n"
            "[1.0, 1.25, 1.5] [1.25, 1.5, 1.75] [2.0, -1.0, 0.0] [0.0, 0.0, 1.0]\n");
}

TEST(NwbWriter, WholeOrNotAtAll) {
  const TemporaryFolder folder;
  const auto path = folder / "a.nwb";
  std::ofstream(path) << "what was there";
  EXPECT_THROW(write_nwb(path, small_session(),
                         [](std::size_t unit) -> std::vector<double> {
                           if (unit == 2) throw Error("stopped");
                           return {1, 2};
                         }),
               Error);
  std::string left;
  std::getline(std::ifstream(path), left);
  EXPECT_EQ(left, "what was there");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  write_small(path);
  EXPECT_EQ(NwbFile(path).identifier(), "small");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  EXPECT_THROW(write_small(folder / "none" / "a.nwb"), Error);
  EXPECT_THROW(write_small(folder.path()), Error);
  EXPECT_THROW(write_small("/dev/null"), Error);
}

TEST(NwbWriter, RefusesContradictions) {
  const TemporaryFolder folder;
  const auto refused = [&](const NwbSession& session, const SpikeSource& spikes) {
    EXPECT_THROW(write_nwb(folder / "a.nwb", session, spikes), UsageError);
    EXPECT_TRUE(fs::is_empty(folder.path()));
  };
  const SpikeSource none = [](std::size_t) { return std::vector<double>(); };
  auto session = small_session();
  refused(session, [](std::size_t) { return std::vector<double>{2, 1}; });
  refused(session, [](std::size_t) { return std::vector<double>{std::nan("")}; });
  session.units[1].peak_channel = 5;
  refused(session, none);
  session = small_session();
  session.electrodes[0].probe = "probeC";
  refused(session, none);
  session = small_session();
  session.electrodes[0].id = session.electrodes[1].id;
  refused(session, none);
  session = small_session();
  session.presentations[0].picture.pop_back();
  refused(session, none);
  session = small_session();
  session.seconds = 0;
  refused(session, none);
}

}  // namespace
}  // namespace neurosplat::testing
