#include "systems/spike_decoder/picture_clusters.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/systems/spike_decoder/latent_space.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSide = 8;
constexpr int kMostRounds = 100;

/// Squared distances of rows to centres.
at::Tensor distances(const at::Tensor& rows, const at::Tensor& centres) {
  return at::cdist(rows, centres).square();
}

/// Each centre a row, drawn with probability as its squared distance from those before.
at::Tensor first_centres(const at::Tensor& rows, std::int64_t count,
                         const at::Generator& generator) {
  auto centres =
      rows.index_select(0, at::randint(rows.size(0), {1}, generator, at::TensorOptions(at::kLong)));
  while (centres.size(0) < count) {
    // Rows that all lie on centres are drawn from evenly.
    const auto nearest = distances(rows, centres).amin(1) + 1e-12;
    const auto drawn = at::multinomial(nearest, 1, /*replacement=*/false, generator);
    centres = at::cat({centres, rows.index_select(0, drawn)});
  }
  return centres;
}

}  // namespace

at::Tensor picture_clusters(const at::Tensor& pictures, std::int64_t count, std::uint64_t seed) {
  if (count < 1 || count > pictures.size(0)) {
    throw UsageError(
        text("clusters: expected 1 to ", pictures.size(0), ", one a picture, got ", count));
  }
  const auto rows = resized(pictures.to(at::kFloat).div(255), kSide).flatten(1).to(at::kDouble);
  auto centres = first_centres(rows, count, at::detail::createCPUGenerator(seed));
  auto cluster = distances(rows, centres).argmin(1);
  for (int round = 0; round < kMostRounds; ++round) {
    const auto members = at::one_hot(cluster, count).to(at::kDouble);
    const auto sizes = members.sum(0).unsqueeze(1);
    centres = at::where(sizes > 0, at::mm(members.t(), rows) / sizes.clamp_min(1), centres);
    const auto next = distances(rows, centres).argmin(1);
    if (next.equal(cluster)) break;
    cluster = next;
  }
  return cluster;
}

}  // namespace neurosplat
