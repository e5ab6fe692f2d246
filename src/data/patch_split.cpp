#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "data/patch_sources.h"
#include "neurosplat/core/content_hash.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/epoch_order.h"

namespace neurosplat {
namespace {

constexpr std::uint64_t recipe = 1;  // another number when the same pictures give other patches
enum Purpose : std::uint64_t { split = 1, thinning = 2 };

// Which pictures of a group validate: taken in the seed's order as long as that brings their share
// of the patches nearer to the one asked for; one at least of two.
std::vector<bool> validating(const PictureGroup& group, const PatchRequest& request) {
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < group.pictures.size(); ++i) {
    order.emplace_back(hash_of_name(group.pictures[i].name, hash_of({split, request.seed})), i);
    total += group.pictures[i].tiles.size(0);
  }
  std::sort(order.begin(), order.end());
  std::vector<bool> chosen(group.pictures.size(), false);
  if (order.size() < 2) return chosen;
  const double wanted = request.validation * static_cast<double>(total);
  double taken = 0;
  std::size_t count = 0;
  for (const auto& [key, i] : order) {
    const double with = taken + static_cast<double>(group.pictures[i].tiles.size(0));
    if (count + 1 == order.size() || std::abs(with - wanted) >= std::abs(taken - wanted)) continue;
    chosen[i] = true;
    taken = with;
    ++count;
  }
  if (count == 0) chosen[order.front().second] = true;
  return chosen;
}

struct Rows {
  at::Tensor patches;  // float32 [N, side * side]
  std::int64_t count = 0;

  void add(const float* row) {
    const auto width = patches.size(1);
    std::memcpy(patches.mutable_data_ptr<float>() + count++ * width, row,
                static_cast<std::size_t>(width) * sizeof(float));
  }
};

Rows room_for(std::int64_t rows, std::int64_t side) {
  return {at::empty({rows, side * side}, at::TensorOptions(at::kFloat)), 0};
}

template <class Number>
Moments moments(const Number* numbers, std::int64_t count) {
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(numbers[i]);
  const double mean = sum / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double apart = static_cast<double>(numbers[i]) - mean;
    squares += apart * apart;
  }
  return {mean, std::sqrt(squares / static_cast<double>(count))};
}

std::uint64_t hash_of_groups(const PatchRequest& request, const std::vector<PictureGroup>& groups,
                             std::int64_t kept) {
  auto hash =
      hash_of({recipe, request.seed, static_cast<std::uint64_t>(request.side),
               static_cast<std::uint64_t>(kept), std::bit_cast<std::uint64_t>(request.validation),
               std::bit_cast<std::uint64_t>(request.least_deviation),
               static_cast<std::uint64_t>(request.mirrored_filter)});
  for (const auto& group : groups) {
    hash = hash_of_name(group.name, hash);
    for (const auto& picture : group.pictures)
      hash = hash_of({hash_of_name(picture.name, hash), picture.content});
  }
  return hash;
}

std::string described(const PatchRequest& request, const std::vector<PictureGroup>& groups,
                      const PatchSet& set) {
  const auto kept = set.train.size(0) + set.validation.size(0);
  std::int64_t pictures = 0;
  std::string parts;
  for (const auto& group : groups) {
    const auto count = static_cast<std::int64_t>(group.pictures.size());
    pictures += count;
    parts += text(parts.empty() ? "" : ", ", group.name, " ", grouped(count));
  }
  auto words = text(grouped(kept), " whitened patches of ", set.side, "x", set.side, " px of ",
                    grouped(pictures), " pictures (", parts, "): ", grouped(set.train.size(0)),
                    " to train on, ", grouped(set.validation.size(0)),
                    " of other pictures to validate with");
  if (kept < request.patches)
    words += text(", no more are there of the ", grouped(request.patches), " asked for");
  return words;
}

}  // namespace

Moments moments_of(const at::Tensor& numbers) {
  const auto found = numbers.scalar_type() == at::kFloat
                         ? moments(numbers.const_data_ptr<float>(), numbers.numel())
                         : moments(numbers.const_data_ptr<double>(), numbers.numel());
  if (!(found.deviation > 0) || !std::isfinite(found.deviation))
    throw Error("expected patches with contrast, all numbers are the same: give other pictures");
  return found;
}

std::string grouped(std::int64_t number) {
  const auto digits = std::to_string(number);
  std::string words;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) words += ',';
    words += digits[i];
  }
  return words;
}

at::Tensor drawn_rows(std::int64_t count, std::int64_t most, std::uint64_t seed) {
  auto order = epoch_order(hash_of({thinning, seed}), 0, count, /*shuffle=*/count > most);
  order.resize(static_cast<std::size_t>(std::min(count, most)));
  std::sort(order.begin(), order.end());
  return at::tensor(order, at::kLong);
}

at::Tensor tiles_of(const at::Tensor& picture, std::int64_t side) {
  const auto down = picture.size(0) / side, across = picture.size(1) / side;
  if (down == 0 || across == 0)
    throw Error(text("expected a picture with room for a patch of ", side, "x", side,
                     " pixels, got ", picture.size(1), "x", picture.size(0),
                     " without its borders: leave it out"));
  return picture.narrow(0, 0, down * side)
      .narrow(1, 0, across * side)
      .unfold(0, side, side)
      .unfold(1, side, side)
      .reshape({down * across, side * side})
      .to(at::kFloat);
}

PatchSet split_and_standardised(const PatchRequest& request, std::vector<PictureGroup> groups) {
  const at::NoGradGuard no_gradients;
  std::vector<bool> row_validates;
  for (const auto& group : groups) {
    const auto chosen = validating(group, request);
    for (std::size_t i = 0; i < chosen.size(); ++i)
      row_validates.insert(row_validates.end(),
                           static_cast<std::size_t>(group.pictures[i].tiles.size(0)), chosen[i]);
  }
  const auto total = static_cast<std::int64_t>(row_validates.size());
  const auto kept = drawn_rows(total, request.patches, request.seed);
  const auto* next = kept.const_data_ptr<std::int64_t>();
  const auto* const end = next + kept.numel();
  const auto validations = std::count_if(
      next, end, [&](auto row) { return row_validates[static_cast<std::size_t>(row)]; });
  auto train = room_for(kept.numel() - validations, request.side);
  auto validation = room_for(validations, request.side);
  if (train.patches.size(0) == 0 || validations == 0)
    throw Error(
        text("expected patches of two pictures of one origin at least, to train and to "
             "validate, got ",
             grouped(train.patches.size(0)), " and ", grouped(validations),
             ": give more pictures or ask for more patches"));
  std::int64_t row = 0;
  for (auto& group : groups)
    for (auto& picture : group.pictures) {
      const auto tiles = picture.tiles.contiguous();
      for (std::int64_t tile = 0; tile < tiles.size(0); ++tile, ++row) {
        if (next == end || *next != row) continue;
        ++next;
        auto& part = row_validates[static_cast<std::size_t>(row)] ? validation : train;
        part.add(tiles.const_data_ptr<float>() + tile * tiles.size(1));
      }
      picture.tiles.reset();  // room for what follows
    }
  const auto [mean, deviation] = moments_of(train.patches);
  train.patches.sub_(mean).div_(deviation);
  validation.patches.sub_(mean).div_(deviation);
  PatchSet set;
  set.train = train.patches;
  set.validation = validation.patches;
  set.side = request.side;
  set.description = described(request, groups, set);
  set.hash = hash_digits(hash_of_groups(request, groups, kept.numel()));
  return set;
}

}  // namespace neurosplat
