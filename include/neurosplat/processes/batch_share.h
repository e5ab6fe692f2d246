#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/TensorBody.h>

#include <cstdint>

/// Which rows of a batch, and of its noise, are this process's: row `rank` and every count-th after
/// it. So that several processes compute what one would with their batches together.
namespace neurosplat::processes {

/// This process's rows of what there is for all; the tensor itself where it is alone.
at::Tensor own_rows(const at::Tensor& all, std::int64_t dimension = 0);

/// Numbers for this process's rows, `sizes` with its own count of them in `dimension`: those that
/// one process would draw for all rows, so that generators stay in step. On the CPU, float32.
at::Tensor normal_rows(at::IntArrayRef sizes, const at::Generator& generator,
                       std::int64_t dimension = 0);
/// The same, uniform in [0, 1).
at::Tensor uniform_rows(at::IntArrayRef sizes, const at::Generator& generator,
                        std::int64_t dimension = 0);

}  // namespace neurosplat::processes
