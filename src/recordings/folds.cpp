#include "neurosplat/recordings/folds.h"

#include <algorithm>
#include <numeric>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

std::vector<std::int64_t> folds_of(std::int64_t count, std::uint64_t seed) {
  if (count < kFolds) {
    throw Error(text("recording: expected at least ", kFolds,
                     " segments, to hold whole ones out, got ", count));
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(count)), folds(order.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto one, auto other) {
    return hash_of({seed, static_cast<std::uint64_t>(one)}) <
           hash_of({seed, static_cast<std::uint64_t>(other)});
  });
  for (std::int64_t place = 0; place < count; ++place) {
    folds[static_cast<std::size_t>(order[static_cast<std::size_t>(place)])] =
        place * kFolds / count;
  }
  return folds;
}

}  // namespace neurosplat
