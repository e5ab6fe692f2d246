#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>

#include "neurosplat/figure/picture_sheet.h"

namespace neurosplat {

/// What the pictures of a folder are called: sample_00000.png and so on.
inline constexpr const char* kSampleFiles = "sample_###.png";

/// Whether samples that are to go to `out` go onto one sheet: where it ends in .png, or is a file
/// already, which then is what the sheet would replace. Otherwise it is a folder of single
/// pictures.
bool is_sheet(const std::filesystem::path& out);

/// Writes samples as they come: onto one sheet, or each into a file of its own in a folder, which
/// is made where it is missing and whose samples of before make room when the first one comes.
class SampleWriter {
 public:
  /// Without a sheet's size: into a folder. Throws std::filesystem::filesystem_error.
  SampleWriter(std::filesystem::path out, const std::optional<SheetSize>& sheet);

  /// The next pictures, float [K, 3, side, side] in [0, 1] (clamped).
  void add(const at::Tensor& pictures);
  /// The sheet, where there is one, whole or not at all.
  void finish() const;

 private:
  std::filesystem::path out_;
  std::optional<PictureSheet> sheet_;
  std::int64_t written_ = 0;
};

}  // namespace neurosplat
