#include "neurosplat/processes/batch_share.h"

#include <ATen/ATen.h>

#include <vector>

#include "neurosplat/processes/process_group.h"

namespace neurosplat::processes {
namespace {

std::vector<std::int64_t> sizes_of_all(at::IntArrayRef sizes, std::int64_t dimension) {
  auto all = sizes.vec();
  all.at(static_cast<std::size_t>(dimension)) *= count();
  return all;
}

}  // namespace

at::Tensor own_rows(const at::Tensor& all, std::int64_t dimension) {
  if (alone()) return all;
  return all.slice(dimension, place().rank, all.size(dimension), count()).contiguous();
}

at::Tensor normal_rows(at::IntArrayRef sizes, const at::Generator& generator,
                       std::int64_t dimension) {
  return own_rows(at::randn(sizes_of_all(sizes, dimension), generator, at::kFloat), dimension);
}

at::Tensor uniform_rows(at::IntArrayRef sizes, const at::Generator& generator,
                        std::int64_t dimension) {
  return own_rows(at::rand(sizes_of_all(sizes, dimension), generator, at::kFloat), dimension);
}

}  // namespace neurosplat::processes
