#include "neurosplat/io/npy_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <string>
#include <string_view>

#include "io/file_bytes.h"
#include "io/npy_header.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

static_assert(std::endian::native == std::endian::little, "what is read is little-endian");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint64_t kLongestHeader = 1U << 16U;

void read_into(OpenFile& file, void* destination, std::uint64_t count) {
  file.stream.read(static_cast<char*>(destination), static_cast<std::streamsize>(count));
  if (static_cast<std::uint64_t>(file.stream.gcount()) != count) throw Error("it is cut short");
}

/// Magic and version; the length of the header that follows, and how many bytes were read.
std::pair<std::uint64_t, std::uint64_t> read_preamble(OpenFile& file) {
  std::array<char, 8> start{};
  read_into(file, start.data(), start.size());
  if (std::string_view(start.data(), kMagic.size()) != kMagic)
    throw Error("it does not start like one");
  const auto version = static_cast<unsigned char>(start[6]);
  if (version < 1 || version > 3 || start[7] != 0)
    throw Error(text("it is of format ", static_cast<int>(version), ".",
                     static_cast<int>(static_cast<unsigned char>(start[7])), ", not 1 to 3"));
  std::array<unsigned char, 4> digits{};
  const std::uint64_t count = version == 1 ? 2 : 4;
  read_into(file, digits.data(), count);
  std::uint64_t length = 0;
  for (std::uint64_t i = count; i-- > 0;) length = length << 8U | digits[i];
  return {length, start.size() + count};
}

at::Tensor read_array(OpenFile& file) {
  const auto [length, preamble] = read_preamble(file);
  if (length > kLongestHeader || length > file.size - preamble)
    throw Error(text("it claims a header of ", length, " bytes in a file of ", file.size));
  std::string header(length, '\0');
  read_into(file, header.data(), length);
  const auto payload = file.size - preamble - length;
  const auto found = parse_npy_header(header, payload);
  auto tensor = at::empty(found.shape, at::TensorOptions().dtype(found.dtype));
  read_into(file, tensor.data_ptr(), payload);
  if (found.dtype == at::kBool) {
    const auto* const bytes = static_cast<const std::uint8_t*>(tensor.data_ptr());
    if (std::any_of(bytes, bytes + tensor.numel(), [](std::uint8_t byte) { return byte > 1; }))
      throw Error("it holds truth values other than 0 and 1");
  }
  return tensor;
}

/// Version 1 of a float64 array, as long whatever the number of rows.
std::string header_of(std::int64_t rows, std::int64_t columns) {
  constexpr std::size_t kLength = 128, kPreamble = 10;
  auto header =
      text("{'descr': '<f8', 'fortran_order': False, 'shape': (", rows, ", ", columns, "), }");
  header.resize(kLength - kPreamble - 1, ' ');
  const char length[] = {static_cast<char>(kLength - kPreamble), 0};
  return std::string(kMagic) + std::string({1, 0}) + std::string(length, 2) + header + '\n';
}

}  // namespace

at::Tensor read_npy(const std::filesystem::path& path) {
  auto file = open_file(path, "a NumPy file");
  const auto refuse = [&](std::string_view got) {
    return Error(
        text("expected a NumPy file at ", path.string(), ", ", got, ": write or copy it again"));
  };
  try {
    return read_array(file);
  } catch (const Error& error) {
    throw refuse(error.what());
  } catch (const std::exception&) {
    throw refuse("there is not the memory to read it");
  }
}

GrowingNpy::GrowingNpy(const std::filesystem::path& path, std::int64_t columns)
    : file_(path, /*wait=*/false), columns_(columns) {
  const auto header = header_of(0, columns);
  file_.write(header.data(), header.size());
}

void GrowingNpy::append(const at::Tensor& rows) {
  if (rows.dim() != 2 || rows.size(1) != columns_ || rows.scalar_type() != at::kDouble) {
    throw UsageError(text("rows: expected float64 [n, ", columns_, "], got ", rows.scalar_type(),
                          ' ', rows.sizes()));
  }
  const auto whole = rows.contiguous();
  file_.write(whole.data_ptr(), static_cast<std::size_t>(whole.numel()) * sizeof(double));
  rows_ += rows.size(0);
}

void GrowingNpy::commit() {
  const auto header = header_of(rows_, columns_);
  file_.rewrite(0, header.data(), header.size());
  file_.commit();
}

}  // namespace neurosplat
