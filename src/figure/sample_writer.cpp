#include "neurosplat/figure/sample_writer.h"

#include <ATen/ATen.h>

#include <string>
#include <system_error>
#include <utility>

#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"

namespace neurosplat {
namespace {

constexpr std::size_t kDigits = 5;

std::string name_of(std::int64_t number) {
  const auto digits = std::to_string(number);
  const auto zeros = digits.size() < kDigits ? kDigits - digits.size() : 0;
  return "sample_" + std::string(zeros, '0') + digits + ".png";
}

}  // namespace

bool is_sheet(const std::filesystem::path& out) {
  std::error_code ignored;
  return out.extension() == ".png" || std::filesystem::is_regular_file(out, ignored);
}

SampleWriter::SampleWriter(std::filesystem::path out, const std::optional<SheetSize>& sheet)
    : out_(std::move(out)) {
  if (sheet) {
    sheet_.emplace(*sheet);
  } else {
    std::filesystem::create_directories(out_);
  }
}

void SampleWriter::add(const at::Tensor& pictures) {
  if (sheet_) return sheet_->add(pictures);
  if (written_ == 0) remove_series(out_, kSampleFiles);
  for (const auto& picture : pictures.unbind()) write_png(out_ / name_of(written_++), picture);
}

void SampleWriter::finish() const {
  if (sheet_) sheet_->write(out_);
}

}  // namespace neurosplat
