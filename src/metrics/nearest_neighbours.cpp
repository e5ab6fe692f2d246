#include "neurosplat/metrics/nearest_neighbours.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "metrics/distances.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// Numbers of a block in double precision: 64 MiB.
constexpr std::int64_t kNumbersAtOnce = std::int64_t{1} << 23;

std::string described(const at::Tensor& tensor) {
  return tensor.defined() ? text(tensor.scalar_type(), " ", tensor.sizes()) : "nothing";
}

/// [N, D] of [N, ...].
at::Tensor rows_of(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.dim() < 2 || tensor.numel() == 0 ||
      !(tensor.is_floating_point() || tensor.scalar_type() == at::kByte)) {
    throw Error(text("expected rows [N, ...], floating-point or uint8, got ", described(tensor),
                     ": give at least one picture"));
  }
  return tensor.flatten(1);
}

/// Rows [first, first + count) in double precision.
at::Tensor block_of(const at::Tensor& rows, std::int64_t first, std::int64_t count) {
  const auto some = rows.narrow(0, first, count);
  auto block = some.to(at::kCPU, at::kDouble);
  if (rows.scalar_type() == at::kByte) return block.div_(255.0);
  if (!at::isfinite(block).all().item<bool>())
    throw Error("expected finite pictures or features, got NaN or infinity: check them");
  return block;
}

/// The nearest of `candidates` and `more`; at equal distances those that came first stay first.
NearestNeighbours merged(const NearestNeighbours& candidates, const NearestNeighbours& more,
                         std::int64_t k) {
  const auto distances = at::cat({candidates.distances, more.distances}, 1);
  const auto [sorted, order] = distances.sort(/*stable=*/true, 1, /*descending=*/false);
  const auto kept = std::min(k, sorted.size(1));
  const auto indices = at::cat({candidates.indices, more.indices}, 1).gather(1, order);
  return {indices.narrow(1, 0, kept), sorted.narrow(1, 0, kept)};
}

/// Squared distances along the differences themselves: products leave rounding where rows are near.
at::Tensor exact_squares(const at::Tensor& queries, const at::Tensor& references,
                         const at::Tensor& indices) {
  auto squares = at::empty(indices.sizes(), at::kDouble);
  for (std::int64_t row = 0; row < queries.size(0); ++row) {
    const auto chosen = references.index_select(0, indices[row]);
    squares[row].copy_((chosen - queries[row]).square_().sum(1));
  }
  return squares;
}

/// Of a block of queries, squared; references a block at a time.
NearestNeighbours nearest_of(const at::Tensor& queries, const at::Tensor& references,
                             std::int64_t k, std::int64_t at_once) {
  NearestNeighbours found{at::empty({queries.size(0), 0}, at::kLong),
                          at::empty({queries.size(0), 0}, at::kDouble)};
  for (std::int64_t first = 0; first < references.size(0); first += at_once) {
    const auto block = block_of(references, first, std::min(at_once, references.size(0) - first));
    // A few more than asked for, since rounding may order near ones wrongly.
    const auto kept = std::min(k + 4, block.size(0));
    auto nearest = std::get<1>(squared_distances(queries, block).topk(kept, 1, /*largest=*/false));
    nearest = std::get<0>(nearest.sort(1));
    found = merged(found, {nearest + first, exact_squares(queries, block, nearest)}, k);
  }
  return found;
}

}  // namespace

NearestNeighbours nearest_neighbours(const at::Tensor& queries, const at::Tensor& references,
                                     std::int64_t k) {
  const c10::NoGradGuard no_grad;
  const auto query_rows = rows_of(queries);
  const auto reference_rows = rows_of(references);
  if (query_rows.size(1) != reference_rows.size(1)) {
    throw Error(text("expected rows of as many numbers, got ", described(queries), " and ",
                     described(references), ": compare pictures of one size"));
  }
  if (k < 1 || k > reference_rows.size(0)) {
    throw Error(text("expected 1 to ", reference_rows.size(0), " neighbours, got ", k,
                     ": ask for as many as there are references at most"));
  }
  const auto at_once = std::clamp<std::int64_t>(kNumbersAtOnce / query_rows.size(1), 1, 1 << 11);
  std::vector<at::Tensor> indices, squares;
  for (std::int64_t first = 0; first < query_rows.size(0); first += at_once) {
    const auto block = block_of(query_rows, first, std::min(at_once, query_rows.size(0) - first));
    auto found = nearest_of(block, reference_rows, k, at_once);
    indices.push_back(found.indices);
    squares.push_back(found.distances);
  }
  return {at::cat(indices), at::cat(squares).sqrt()};
}

}  // namespace neurosplat
