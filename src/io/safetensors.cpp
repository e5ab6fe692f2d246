#include "neurosplat/io/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>

#include "io/file_bytes.h"
#include "io/safetensors_header.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"

namespace neurosplat {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::uint64_t length_bytes = 8;

void read_into(OpenFile& file, void* destination, std::uint64_t count) {
  file.stream.read(static_cast<char*>(destination), static_cast<std::streamsize>(count));
  if (static_cast<std::uint64_t>(file.stream.gcount()) != count)
    throw Error("it ended while it was read");
}

SafetensorsHeader read_header(OpenFile& file) {
  if (file.size < length_bytes)
    throw Error(text("it has ", file.size, " bytes, fewer than its header's length takes"));
  std::uint64_t length = 0;
  read_into(file, &length, length_bytes);
  if (length > longest_safetensors_header || length > file.size - length_bytes)
    throw Error(text("it claims a header of ", length, " bytes in a file of ", file.size));
  std::string header(length, '\0');
  read_into(file, header.data(), length);
  return parse_safetensors_header(header, file.size - length_bytes - length);
}

at::Tensor read_tensor(OpenFile& file, const TensorPlace& place) {
  auto tensor = at::empty(place.shape, at::TensorOptions().dtype(place.dtype).device(at::kCPU));
  read_into(file, tensor.data_ptr(), place.end - place.begin);
  if (place.dtype == at::kBool) {
    const auto* const bytes = static_cast<const std::uint8_t*>(tensor.data_ptr());
    if (std::any_of(bytes, bytes + tensor.numel(), [](std::uint8_t byte) { return byte > 1; }))
      throw Error(text("tensor ", printable(place.name), " holds truth values other than 0 and 1"));
  }
  return tensor;
}

struct Layout {
  SafetensorsHeader header;
  std::vector<at::Tensor> tensors;  ///< contiguous, on the CPU, as the header orders them
};

// The widest types first, so that each tensor starts at a multiple of its element's size.
Layout lay_out(const TensorFile& file) {
  Layout layout{{{}, file.metadata}, {}};
  std::vector<std::pair<std::string, at::Tensor>> ordered;
  for (const auto& [name, tensor] : file.tensors) {
    if (!tensor.defined() || tensor.layout() != at::kStrided)
      throw Error(text("tensor ", printable(name), " is undefined or sparse"));
    ordered.emplace_back(name, tensor.detach().to(at::kCPU).contiguous());
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  std::uint64_t begin = 0;
  for (const auto& [name, tensor] : ordered) {
    const auto end = begin + static_cast<std::uint64_t>(tensor.nbytes());
    layout.header.tensors.push_back({name, tensor.scalar_type(), tensor.sizes().vec(), begin, end});
    layout.tensors.push_back(tensor);
    begin = end;
  }
  return layout;
}

}  // namespace

TensorFile read_safetensors(const std::filesystem::path& path) {
  auto file = open_file(path, "a safetensors file");
  const auto refuse = [&](std::string_view got) {
    return Error(text("expected a safetensors file at ", path.string(), ", ", got,
                      ": write or copy it again"));
  };
  try {
    auto header = read_header(file);
    TensorFile content;
    for (const auto& place : header.tensors)
      content.tensors.emplace(place.name, read_tensor(file, place));
    content.metadata = std::move(header.metadata);
    return content;
  } catch (const Error& error) {
    throw refuse(error.what());
  } catch (const std::exception&) {
    throw refuse("there is not the memory to read it");
  }
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  Layout layout;
  std::string header;
  try {
    layout = lay_out(file);
    header = format_safetensors_header(layout.header);
  } catch (const Error& error) {
    throw Error(text("expected tensors that ", path.string(), " can hold, ", error.what()));
  }
  write_file_atomically(path, [&](const ByteSink& sink) {
    const std::uint64_t length = header.size();
    sink(&length, length_bytes);
    sink(header.data(), header.size());
    for (const auto& tensor : layout.tensors) sink(tensor.data_ptr(), tensor.nbytes());
  });
}

}  // namespace neurosplat
