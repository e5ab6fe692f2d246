#include "neurosplat/figure/picture_sheet.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kColours = 3;
/// What the PNG library takes.
constexpr std::int64_t kLongestSide = 1'000'000;
bool fits(const SheetSize& sheet, const DrawingBytes& drawing, std::uint64_t available) {
  return sheet.width() <= kLongestSide && sheet.height() <= kLongestSide &&
         bytes_needed(sheet, drawing) <= available;
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
std::string what_fits(const SheetSize& sheet, const DrawingBytes& drawing,
                      std::uint64_t available) {
  const auto count = largest(1, sheet.count, [&](std::int64_t k) {
    return fits({k, std::min(k, sheet.columns), sheet.side}, drawing, available);
  });
  const auto side = largest(2, sheet.side, [&](std::int64_t s) {
    return fits({sheet.count, sheet.columns, s}, drawing, available);
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

std::uint64_t bytes_needed(const SheetSize& sheet, const DrawingBytes& drawing) {
  const auto sheet_bytes = static_cast<std::uint64_t>(sheet.width() * sheet.height() * kColours);
  return 3 * sheet_bytes + drawing(sheet.side);
}

void check_fits(const SheetSize& sheet, const DrawingBytes& drawing, std::uint64_t available) {
  if (fits(sheet, drawing, available)) return;
  throw UsageError(text("count and size: expected a sheet that fits into ", gigabytes(available),
                        " of free memory and ", kLongestSide, " pixels a side, ", sheet.count,
                        " pictures of ", sheet.side, " pixels are ", sheet.width(), "x",
                        sheet.height(), " and need ", gigabytes(bytes_needed(sheet, drawing)), ": ",
                        what_fits(sheet, drawing, available)));
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

}  // namespace neurosplat
