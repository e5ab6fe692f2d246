#pragma once

#include <ATen/core/TensorBody.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/processes/process_group.h"

namespace neurosplat::processes {

/// What carries numbers between processes: LibTorch's c10d, behind which its headers stay.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Starts adding up a tensor in place; the sum is there after finish(). In order everywhere.
  virtual void start_sum(const at::Tensor& tensor) = 0;
  virtual void finish() = 0;
  virtual void largest(const at::Tensor& tensor) = 0;
  /// Rows of all, [count * B, ...].
  virtual at::Tensor all_rows(const at::Tensor& rows) = 0;
  virtual std::string from_first(const std::string& given) = 0;
  virtual bool remembers(const std::string& word) = 0;
  virtual void remember(const std::string& word) = 0;
};

std::unique_ptr<Backend> connect(const Place& place, std::chrono::milliseconds join_limit,
                                 std::chrono::milliseconds answer_limit);

}  // namespace neurosplat::processes
