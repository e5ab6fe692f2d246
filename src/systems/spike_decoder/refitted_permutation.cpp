#include "systems/spike_decoder/refitted_permutation.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <map>
#include <vector>

#include "neurosplat/recordings/folds.h"
#include "neurosplat/regression/ridge.h"

namespace neurosplat {
namespace {

/// Shuffles at a time: their sums of products become matrix products.
constexpr std::int64_t kAtATime = 16;

/// What one fold's ridge does to any latents Y [N, D] of the pictures, for each of K penalties.
struct FoldOperators {
  at::Tensor decoded;    ///< M, [K, T, N]: M Y are decoded deviations of the test rows
  at::Tensor left_out;   ///< R'R, [K, N N]: R Y are left-out residuals of the training rows
  at::Tensor deviation;  ///< C, [T, N]: C Y are the true deviations

  FoldOperators(const at::Tensor& responses, const HeldOut& held_out, std::int64_t fold,
                const std::vector<double>& penalties) {
    const auto count = responses.size(0);
    const auto test = held_out.fold.eq(fold).nonzero().flatten();
    const auto train = held_out.fold.ne(fold).nonzero().flatten();
    // A ridge fitted to the identity has the operators themselves as its outputs.
    const auto identity = at::eye(train.numel(), at::kDouble);
    const auto x = responses.index_select(0, train);
    const auto group = held_out.group.index_select(0, train);
    const auto mean =
        at::full({1, train.numel()}, 1.0 / static_cast<double>(train.numel()), at::kDouble);
    const auto widened = [&](const at::Tensor& columns) {
      return at::zeros({columns.size(0), count}, at::kDouble).index_copy(1, train, columns);
    };
    std::vector<at::Tensor> decoders, errors;
    for (const double penalty : penalties) {
      const auto fit = fit_ridge(x, identity, group, {penalty});
      decoders.push_back(widened(fit.predict(responses.index_select(0, test)) - mean));
      const auto residual = widened(identity - fit.left_out);
      errors.push_back(at::mm(residual.t(), residual).flatten());
    }
    decoded = at::stack(decoders);
    left_out = at::stack(errors);
    deviation = at::eye(count, at::kDouble).index_select(0, test) -
                widened(mean.expand({test.numel(), train.numel()}));
  }
};

/// The sum over test rows of the cosines, [B], given the products of latents in each latent group,
/// [B, N, N].
at::Tensor sums_of_cosines(const FoldOperators& fold, const std::vector<at::Tensor>& products) {
  at::Tensor inner, decoded, shown;
  const auto add = [](at::Tensor& sum, const at::Tensor& part) {
    sum = sum.defined() ? sum + part : part;
  };
  for (const auto& product : products) {
    const auto errors = at::mm(fold.left_out, product.flatten(1).t());
    const auto own_decoded = fold.decoded.index_select(0, errors.argmin(0));
    const auto half = at::bmm(own_decoded, product);
    add(inner, (half * fold.deviation).sum(2));
    add(decoded, (half * own_decoded).sum(2));
    add(shown, (at::matmul(fold.deviation, product) * fold.deviation).sum(2));
  }
  return (inner / (decoded * shown).clamp_min(1e-300).sqrt()).sum(1);
}

/// An order of rows in which groups of equal size change places.
class GroupShuffle {
 public:
  explicit GroupShuffle(const at::Tensor& group, std::uint64_t seed)
      : count_(group.size(0)), generator_(at::detail::createCPUGenerator(seed)) {
    const auto [groups, place] = at::_unique(group, /*sorted=*/true, /*return_inverse=*/true);
    for (std::int64_t i = 0; i < groups.size(0); ++i) {
      const auto rows = place.eq(i).nonzero().flatten();
      by_size_[rows.numel()].push_back(rows);
    }
  }

  at::Tensor next() {
    auto order = at::empty({count_}, at::kLong);
    for (const auto& [size, members] : by_size_) {
      const auto rows = at::stack(members);
      const auto shuffled = at::randperm(rows.size(0), generator_, at::kLong);
      order.index_copy_(0, rows.flatten(), rows.index_select(0, shuffled).flatten());
    }
    return order;
  }

 private:
  std::int64_t count_;
  at::Generator generator_;
  std::map<std::int64_t, std::vector<at::Tensor>> by_size_;
};

std::vector<at::Tensor> products_of(const at::Tensor& latents, const at::Tensor& latent_group) {
  const auto groups = std::get<0>(at::_unique(latent_group));
  const auto centred = latents.to(at::kDouble) - latents.to(at::kDouble).mean(0);
  std::vector<at::Tensor> products;
  for (std::int64_t i = 0; i < groups.size(0); ++i) {
    const auto own = centred.index_select(1, latent_group.eq(groups[i]).nonzero().flatten());
    products.push_back(at::mm(own, own.t()));
  }
  return products;
}

}  // namespace

RefittedPermutation refitted_permutation(const at::Tensor& responses, const at::Tensor& latents,
                                         const at::Tensor& latent_group, const HeldOut& held_out,
                                         const std::vector<double>& penalties,
                                         std::int64_t shuffles, std::uint64_t seed) {
  std::vector<FoldOperators> folds;
  for (std::int64_t fold = 0; fold < kFolds; ++fold) {
    folds.emplace_back(responses, held_out, fold, penalties);
  }
  const auto products = products_of(latents, latent_group);
  const auto statistics = [&](const std::vector<at::Tensor>& given) {
    auto sums = at::zeros({given.front().size(0)}, at::kDouble);
    for (const auto& fold : folds) sums += sums_of_cosines(fold, given);
    return sums / static_cast<double>(responses.size(0));
  };
  std::vector<at::Tensor> single;
  for (const auto& product : products) single.push_back(product.unsqueeze(0));
  RefittedPermutation found{statistics(single).item<double>(), 1};
  GroupShuffle shuffle(held_out.group, seed);
  std::int64_t as_high = 0;
  for (std::int64_t done = 0; done < shuffles; done += kAtATime) {
    std::vector<std::vector<at::Tensor>> shuffled(products.size());
    for (std::int64_t i = 0; i < std::min(kAtATime, shuffles - done); ++i) {
      const auto order = shuffle.next();
      for (std::size_t k = 0; k < products.size(); ++k) {
        shuffled[k].push_back(products[k].index_select(0, order).index_select(1, order));
      }
    }
    std::vector<at::Tensor> stacked;
    for (const auto& each : shuffled) stacked.push_back(at::stack(each));
    // The order that changes nothing gives the statistic itself but for rounding.
    as_high += statistics(stacked).ge(found.statistic - 1e-12).sum().item<std::int64_t>();
  }
  found.p = static_cast<double>(1 + as_high) / static_cast<double>(1 + shuffles);
  return found;
}

}  // namespace neurosplat
