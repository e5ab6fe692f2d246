#pragma once

#include <chrono>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace neurosplat::processes {

/// What the library with NCCL, opened when there is a GPU to speak for, gives
/// (core/lazy_library.h).
struct NcclFunctions {
  c10::intrusive_ptr<c10d::Backend> (*connect)(const c10::intrusive_ptr<c10d::Store>& store,
                                               int rank, int count,
                                               std::chrono::milliseconds answer_limit);
};

}  // namespace neurosplat::processes
