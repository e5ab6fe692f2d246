#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>

namespace neurosplat {

/// A sheet of square pictures, row after row.
struct SheetSize {
  std::int64_t count, columns;  ///< columns at most as many as pictures
  std::int64_t side;            ///< of a picture, pixels

  std::int64_t width() const;
  std::int64_t height() const;
};

/// Black between and around the pictures, pixels.
constexpr std::int64_t kSheetBorder = 2;

/// What drawing pictures of so many pixels a side takes beside the sheet, bytes.
using DrawingBytes = std::function<std::uint64_t(std::int64_t side)>;

/// What such a sheet takes: one byte a colour, twice as much again for its PNG file while it is
/// made, and the pictures being drawn.
std::uint64_t bytes_needed(const SheetSize& sheet, const DrawingBytes& drawing);

/// Throws UsageError, which says what is needed and what would fit, when the sheet takes more than
/// `available` bytes or is too wide or high for a PNG file.
void check_fits(const SheetSize& sheet, const DrawingBytes& drawing, std::uint64_t available);

/// The sheet while it is filled: pictures leave their floats behind.
class PictureSheet {
 public:
  explicit PictureSheet(const SheetSize& size);

  /// The next pictures, float [K, 3, side, side] in [0, 1] (clamped).
  void add(const at::Tensor& pictures);
  /// As PNG, whole or not at all.
  void write(const std::filesystem::path& path) const;

 private:
  SheetSize size_;
  at::Tensor pixels_;  // uint8 [H, W, 3], blue first
  std::int64_t filled_ = 0;
};

}  // namespace neurosplat
