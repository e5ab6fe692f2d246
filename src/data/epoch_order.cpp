#include "neurosplat/data/epoch_order.h"

#include <numeric>
#include <utility>

#include "neurosplat/core/random_stream.h"

namespace neurosplat {
namespace {

enum Purpose : std::uint64_t { order = 1, flip = 2 };

}  // namespace

std::vector<std::int64_t> epoch_order(std::uint64_t seed, std::int64_t epoch, std::int64_t count,
                                      bool shuffle) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  if (!shuffle) return positions;
  RandomStream random(hash_of({order, seed, static_cast<std::uint64_t>(epoch)}));
  for (std::size_t left = positions.size(); left > 1; --left)
    std::swap(positions[left - 1], positions[random.below(left)]);
  return positions;
}

bool is_flipped(std::uint64_t seed, std::int64_t epoch, std::int64_t picture) {
  return (hash_of({flip, seed, static_cast<std::uint64_t>(epoch),
                   static_cast<std::uint64_t>(picture)}) &
          1U) != 0;
}

}  // namespace neurosplat
