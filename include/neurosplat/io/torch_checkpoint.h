#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace neurosplat {

/// Reads what Python's `torch.save(module.state_dict(), path)` writes, into CPU tensors.
/// Runs no code from the file: the pickle may build dictionaries, tuples, numbers, strings and
/// tensors, and any other global is refused. Throws Error, one line.
std::map<std::string, at::Tensor> read_torch_state_dict(const std::filesystem::path& path);

}  // namespace neurosplat
