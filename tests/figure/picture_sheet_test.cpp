#include "neurosplat/figure/picture_sheet.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

/// Three float pictures.
std::uint64_t drawing(std::int64_t side) {
  return static_cast<std::uint64_t>(side * side) * 3 * 3 * sizeof(float);
}

std::string refusal(const SheetSize& sheet, std::uint64_t available) {
  try {
    check_fits(sheet, drawing, available);
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

/// The number that follows `words`.
std::int64_t number_after(const std::string& said, const std::string& words) {
  const auto found = said.find(words);
  EXPECT_NE(found, std::string::npos) << said;
  return found == std::string::npos ? 0 : std::stoll(said.substr(found + words.size()));
}

TEST(PictureSheet, IsTheGridOfItsPictures) {
  const auto pictures = at::linspace(-0.1, 1.1, 5 * 3 * 9 * 9, at::kFloat).view({5, 3, 9, 9});
  PictureSheet sheet({5, 2, 9});
  sheet.add(pictures.narrow(0, 0, 3));
  sheet.add(pictures.narrow(0, 3, 2));
  const testing::TemporaryFolder folder;
  sheet.write(folder / "sheet.png");
  write_png(folder / "grid.png", picture_grid(pictures, 2));
  EXPECT_TRUE(read_picture(folder / "sheet.png").equal(read_picture(folder / "grid.png")));
}

TEST(PictureSheet, SaysWhatIsNeededAndWhatFits) {
  EXPECT_EQ(refusal({64, 8, 128}, kGigabyte), "");
  const SheetSize large = {64, 8, 4096};  // 3.2 GB of bytes
  const auto need = bytes_needed(large, drawing);
  EXPECT_GT(need, 2 * 3 * std::uint64_t{8 * 4096} * (8 * 4096));
  EXPECT_EQ(refusal(large, need), "");
  EXPECT_NE(refusal(large, need - 1), "");
  const auto said = refusal(large, 4 * kGigabyte);
  EXPECT_NE(said.find("64 pictures of 4096 pixels are 32786x32786 and need 10."), std::string::npos)
      << said;
  const auto count = number_after(said, "--count "), size = number_after(said, "--size ");
  for (const auto& [good, bad] :
       {std::pair{SheetSize{count, 8, 4096}, SheetSize{count + 1, 8, 4096}},
        std::pair{SheetSize{64, 8, size}, SheetSize{64, 8, size + 1}}}) {
    EXPECT_EQ(refusal(good, 4 * kGigabyte), "") << said;
    EXPECT_NE(refusal(bad, 4 * kGigabyte), "") << said;
  }
  EXPECT_NE(refusal({1, 1, 4096}, 100).find("draw fewer, smaller pictures"), std::string::npos);
}

// The PNG library refuses them, after all has been drawn.
TEST(PictureSheet, RefusesSidesThatNoPngHas) {
  constexpr auto kEndless = ~std::uint64_t{0};
  EXPECT_EQ(refusal({7812, 7812, 126}, kEndless), "");
  EXPECT_NE(refusal({7813, 7813, 126}, kEndless).find("--count 7812"), std::string::npos);
  EXPECT_NE(refusal({65536, 1, 4096}, kEndless), "");
}

}  // namespace
}  // namespace neurosplat
