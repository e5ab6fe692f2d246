#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

#include "neurosplat/io/frame_source.h"
#include "neurosplat/live/live_loop.h"
#include "neurosplat/systems/lock/live_lock.h"
#include "support/temporary_folder.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kBytesPerMegabyte = 1 << 20;

class Frames : public FrameSource {
 public:
  explicit Frames(std::int64_t count) : count_(count) {}
  std::optional<Frame> next() override {
    if (given_ == count_) return std::nullopt;
    return Frame{
        testing::smooth_picture(16, 0.01 * static_cast<double>(given_++)).mul(255.0).to(at::kByte),
        ""};
  }
  double frames_per_second() const override { return 25.0; }
  std::int64_t frame_count() const override { return count_; }
  std::string description() const override { return "frames"; }

 private:
  std::int64_t count_, given_ = 0;
};

std::int64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::int64_t whole = 0, resident = 0;
  in >> whole >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

// A program left running for days: the closed form, its panels, the CSV and the line in a window.
TEST(LiveMemory, TenThousandFramesTakeNoMoreMemory) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer keeps freed memory back, so growth says nothing here";
#endif
  constexpr std::int64_t kFrames = 10000, kWarm = 1000;
  const testing::TemporaryFolder folder;
  LockSolverSettings settings;
  settings.adapt = false;
  LiveLock lock(testing::locking_model({16, 9, 4}), settings, 5.0);
  Frames source(kFrames);
  std::int64_t shown = 0, warm = 0;
  const auto show = [&](const at::Tensor&) {
    if (++shown == kWarm) warm = resident_bytes();
    return true;
  };
  const auto report =
      run_live("lock", lock_columns(), [&](const Frame& frame) { return lock.see(frame); }, source,
               {.metrics = folder / "rows.csv", .show = show});
  EXPECT_EQ(report.frames, kFrames);
  const auto grown = resident_bytes() - warm;
  RecordProperty("kibibytes", static_cast<int>(grown / 1024));
  EXPECT_LT(grown / kBytesPerMegabyte, 4);
}

}  // namespace
}  // namespace neurosplat
