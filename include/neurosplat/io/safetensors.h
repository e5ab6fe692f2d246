#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace neurosplat {

/// Named tensors and the text that describes them: the content of a safetensors file.
struct TensorFile {
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads a safetensors file into CPU tensors. Nothing in the header is trusted: lengths, offsets,
/// overlaps, gaps, shapes and dtypes are checked against the file first.
/// Throws Error, one line.
TensorFile read_safetensors(const std::filesystem::path& path);

/// Writes it, whole or not at all. Python's `safetensors` reads it.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace neurosplat
