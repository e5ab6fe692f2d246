#include "systems/splat_vae/picture_sheet.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat::apps {
namespace {

constexpr std::int64_t kColours = 3;
/// What the PNG library takes.
constexpr std::int64_t kLongestSide = 1'000'000;
/// Pictures decoded at a time, and drawn where they are small.
constexpr std::int64_t kMostPictures = 64;
constexpr std::int64_t kPixelsAtATime = std::int64_t{1} << 22U;
/// The dense renderer keeps maps of every packet at every pixel.
constexpr std::int64_t kDensePixelsAtATime = std::int64_t{1} << 20U, kDensePackets = 64;
constexpr std::uint64_t kDenseMaps = 12;
/// As many times the float32 pictures, measured: what the renderer keeps, and they are clamped and
/// rounded.
constexpr std::uint64_t kCopies = 6;

std::int64_t pixels_of(std::int64_t side) {
  return side * side;
}

bool fits(const SheetSize& sheet, bool dense, std::uint64_t available) {
  return sheet.width() <= kLongestSide && sheet.height() <= kLongestSide &&
         bytes_needed(sheet, dense) <= available;
}

/// The largest number in [least, most] that `good` holds for, which holds up to some number; 0
/// where there is none.
template <class Predicate>
std::int64_t largest(std::int64_t least, std::int64_t most, Predicate good) {
  if (!good(least)) return 0;
  while (least < most) {
    const auto middle = least + (most - least + 1) / 2;
    if (good(middle)) {
      least = middle;
    } else {
      most = middle - 1;
    }
  }
  return least;
}

std::string gigabytes(std::uint64_t bytes) {
  return fixed(static_cast<double>(bytes) / 1e9, 1) + " GB";
}

/// Rows as many as the pictures asked for have, or fewer.
std::string what_fits(const SheetSize& sheet, bool dense, std::uint64_t available) {
  const auto count = largest(1, sheet.count, [&](std::int64_t k) {
    return fits({k, std::min(k, sheet.columns), sheet.side}, dense, available);
  });
  const auto side = largest(2, sheet.side, [&](std::int64_t s) {
    return fits({sheet.count, sheet.columns, s}, dense, available);
  });
  std::string advice;
  if (count > 0) advice = text("--count ", count);
  if (side > 0) advice += text(advice.empty() ? "" : " or ", "--size ", side);
  return advice.empty() ? "draw fewer, smaller pictures" : "at most " + advice + " fits";
}

}  // namespace

std::int64_t SheetSize::width() const {
  return columns * (side + kSheetBorder) + kSheetBorder;
}

std::int64_t SheetSize::height() const {
  return (count + columns - 1) / columns * (side + kSheetBorder) + kSheetBorder;
}

std::int64_t pictures_at_a_time(std::int64_t side, bool dense) {
  const auto pixels = dense ? kDensePixelsAtATime : kPixelsAtATime;
  return std::clamp<std::int64_t>(pixels / pixels_of(side), 1, kMostPictures);
}

std::int64_t packets_at_a_time(std::int64_t side) {
  const auto room = kDensePixelsAtATime * kDensePackets / pixels_of(side);
  return std::clamp<std::int64_t>(room, 1, kDensePackets);
}

std::uint64_t bytes_needed(const SheetSize& sheet, bool dense) {
  const auto sheet_bytes = static_cast<std::uint64_t>(sheet.width() * sheet.height() * kColours);
  const auto pixels =
      static_cast<std::uint64_t>(pictures_at_a_time(sheet.side, dense) * pixels_of(sheet.side));
  auto drawing = pixels * kColours * sizeof(float) * kCopies;
  if (dense) {
    const auto packets = static_cast<std::uint64_t>(packets_at_a_time(sheet.side));
    drawing += pixels * packets * sizeof(float) * kDenseMaps;
  }
  return 3 * sheet_bytes + drawing;
}

void check_fits(const SheetSize& sheet, bool dense, std::uint64_t available) {
  if (fits(sheet, dense, available)) return;
  throw UsageError(text("count and size: expected a sheet that fits into ", gigabytes(available),
                        " of free memory and ", kLongestSide, " pixels a side, ", sheet.count,
                        " pictures of ", sheet.side, " pixels are ", sheet.width(), "x",
                        sheet.height(), " and need ", gigabytes(bytes_needed(sheet, dense)), ": ",
                        what_fits(sheet, dense, available)));
}

PictureSheet::PictureSheet(const SheetSize& size)
    : size_(size), pixels_(at::zeros({size.height(), size.width(), kColours}, at::kByte)) {}

void PictureSheet::add(const at::Tensor& pictures) {
  for (const auto& picture : pictures.unbind()) {
    const auto step = size_.side + kSheetBorder;
    const auto top = kSheetBorder + filled_ / size_.columns * step;
    const auto left = kSheetBorder + filled_ % size_.columns * step;
    pixels_.narrow(0, top, size_.side).narrow(1, left, size_.side).copy_(to_bgr_pixels(picture));
    ++filled_;
  }
}

void PictureSheet::write(const std::filesystem::path& path) const {
  write_png_pixels(path, pixels_);
}

}  // namespace neurosplat::apps
