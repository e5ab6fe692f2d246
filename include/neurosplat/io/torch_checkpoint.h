#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace neurosplat {

/// Views of more elements than are stored (Python's `expand`) may have this many bytes once
/// expanded, each of them and all of a file: one grid of 4096 x 4096 float64 coordinates, and four.
/// They stay views, so reading one costs no more than its storage.
constexpr std::int64_t kMostRepeatedBytes = std::int64_t{1} << 27U;
constexpr std::int64_t kMostRepeatedBytesInAll = std::int64_t{1} << 29U;

/// Reads what Python's `torch.save(module.state_dict(), path)` writes, into CPU tensors of the
/// dtypes that are stored, wherever they were when saved. Of a checkpoint, a dictionary with other
/// things in it, the one entry that is a dictionary of tensors is read; two of them are an error.
/// A tensor that was saved by itself has the empty name. Prefixes that all names have from a
/// wrapper ("module." of DataParallel, "_orig_mod." of torch.compile) are left out. Runs no code
/// from the file: the pickle may build dictionaries, tuples, lists, numbers, strings and tensors,
/// and any other global is refused. Throws Error, one line.
std::map<std::string, at::Tensor> read_torch_state_dict(const std::filesystem::path& path);

}  // namespace neurosplat
