#include "neurosplat/live/viewer_keys.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

const std::vector<std::string> kModes = {"lock", "agreement", "saccade", "temporal"};
const at::Tensor kPicture = at::full({3, 8, 10}, 0.5F);

TEST(ViewerKeys, QuitPauseAndReset) {
  const testing::TemporaryFolder folder;
  ViewerKeys keys(kModes, folder.path());
  keys.press(-1, kPicture);
  keys.press('x', kPicture);
  keys.press('h', kPicture);
  EXPECT_FALSE(keys.quit() || keys.paused() || keys.take_reset());
  keys.press(' ', kPicture);
  EXPECT_TRUE(keys.paused());
  keys.press(' ', kPicture);
  EXPECT_FALSE(keys.paused());
  keys.press('r', kPicture);
  EXPECT_TRUE(keys.take_reset());
  EXPECT_FALSE(keys.take_reset());
  EXPECT_FALSE(keys.take_mode().has_value());
  keys.press('1', kPicture);
  EXPECT_EQ(keys.take_mode(), 0U);
  keys.press('4', kPicture);
  EXPECT_EQ(keys.take_mode(), 3U);
  keys.press('5', kPicture);
  EXPECT_FALSE(keys.take_mode().has_value());
  keys.press('q', kPicture);
  EXPECT_TRUE(keys.quit());
  ViewerKeys others(kModes, folder.path());
  others.press(0x100000 | 27, kPicture);  // some window systems add flags above the key
  EXPECT_TRUE(others.quit());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ViewerKeys, ListNamesTheModesThatThereAre) {
  EXPECT_EQ(ViewerKeys(kModes).list(),
            "keys: q or Esc quit, space pause, s snapshot, 1 lock, 2 agreement, 3 saccade, "
            "4 temporal, r reset what is remembered, h this list");
  ViewerKeys one({"lock"});
  one.press('2', kPicture);
  EXPECT_FALSE(one.take_mode().has_value());
  EXPECT_EQ(one.list(),
            "keys: q or Esc quit, space pause, s snapshot, 1 lock, r reset what is remembered, "
            "h this list");
}

TEST(ViewerKeys, SnapshotsAreNumberedAndNeverWrittenOver) {
  const testing::TemporaryFolder folder;
  ViewerKeys keys(kModes, folder.path());
  keys.press('s', kPicture);
  keys.press('s', at::zeros({3, 4, 4}));
  EXPECT_EQ(read_picture(folder / "neurosplat_001.png").sizes(), at::IntArrayRef({3, 8, 10}));
  EXPECT_EQ(read_picture(folder / "neurosplat_002.png").sizes(), at::IntArrayRef({3, 4, 4}));
  ViewerKeys nowhere(kModes, folder / "absent");
  nowhere.press('s', kPicture);  // a warning, no end
  EXPECT_FALSE(nowhere.quit());
}

}  // namespace
}  // namespace neurosplat
