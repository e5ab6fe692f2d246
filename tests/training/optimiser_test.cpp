#include "neurosplat/training/optimiser.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using Named = std::map<std::string, at::Tensor>;

/// A small network: a convolution with the channels last and a layer behind it.
Named network() {
  auto generator = at::detail::createCPUGenerator(5);
  Named named;
  named["conv"] = at::randn({8, 3, 3, 3}, generator, at::kFloat)
                      .contiguous(at::MemoryFormat::ChannelsLast)
                      .requires_grad_();
  named["fc"] = at::randn({5, 8 * 36}, generator, at::kFloat).requires_grad_();
  named["bias"] = at::randn({5}, generator, at::kFloat).requires_grad_();
  return named;
}

at::Tensor loss_of(const Named& named, std::uint64_t batch, double scale = 1) {
  auto generator = at::detail::createCPUGenerator(100 + batch);
  const auto pictures =
      at::randn({4, 3, 8, 8}, generator, at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  const auto hidden = at::conv2d(pictures, named.at("conv")).tanh().reshape({4, -1});
  return at::linear(hidden, named.at("fc"), named.at("bias")).square().mean() * scale;
}

void expect_equal(const Named& one, const Named& other) {
  ASSERT_EQ(one.size(), other.size());
  for (const auto& [name, tensor] : one) EXPECT_TRUE(at::equal(tensor, other.at(name))) << name;
}

Named copies(const Named& tensors) {
  Named result;
  for (const auto& [name, tensor] : tensors) result[name] = tensor.detach().clone();
  return result;
}

void set(const Named& weights, const Named& values) {
  const at::NoGradGuard no_gradient;
  for (const auto& [name, tensor] : weights) tensor.copy_(values.at(name));
}

Named state_of(const Optimiser& optimiser) {
  TensorFile file;
  optimiser.save(file);
  return copies(file.tensors);
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// Written out: gradients forgotten, backward pass, norm, and Adam's kernel, which divides by the
// clipping. Runs that were begun with it go on bit by bit.
TEST(Optimiser, MakesTheOperationsOfAPlainStep) {
  constexpr double kRate = 0.01, kClip = 0.5;
  const auto plain = network(), named = network();
  std::vector<at::Tensor> parameters, first, second;
  for (const auto& [name, tensor] : plain) {
    parameters.push_back(tensor);
    first.push_back(at::zeros_like(tensor.detach()));
    second.push_back(at::zeros_like(tensor.detach()));
  }
  Optimiser optimiser(named, {.lr = kRate, .clip = kClip});
  int clipped = 0;
  for (std::uint64_t step = 0; step < 40; ++step) {
    for (const auto& parameter : parameters) parameter.mutable_grad() = at::Tensor();
    const double scale = step % 2 == 0 ? 1 : 1e-3;  // clipped, and not
    loss_of(plain, step, scale).backward();
    const at::NoGradGuard no_gradient;
    std::vector<at::Tensor> gradients;
    for (const auto& parameter : parameters) gradients.push_back(parameter.grad());
    const double norm = at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
    std::optional<at::Tensor> divisor;
    if (norm + 1e-6 > kClip) divisor = at::full({}, (norm + 1e-6) / kClip, at::kFloat);
    if (divisor) ++clipped;
    const std::vector<at::Tensor> steps(parameters.size(),
                                        at::full({}, static_cast<double>(step + 1), at::kFloat));
    at::_fused_adam_(parameters, gradients, first, second, {}, steps, kRate, 0.9, 0.999, 0, 1e-8,
                     false, false, divisor);
    const at::AutoGradMode gradient(true);
    EXPECT_TRUE(optimiser.backward_and_step(loss_of(named, step, scale)));
    EXPECT_EQ(optimiser.gradient_norm(), norm);
  }
  EXPECT_EQ(clipped, 20);
  expect_equal(plain, named);
}

class OptimiserResumes : public ::testing::TestWithParam<OptimiserKind> {};

TEST_P(OptimiserResumes, BitByBitInTheMiddleOfAnAccumulation) {
  const OptimiserOptions options{.kind = GetParam(),
                                 .lr = 0.01,
                                 .weight_decay = 0.1,
                                 .clip = 0.5,
                                 .accumulate = 3,
                                 .average = 0.8};
  const auto named = network(), resumed_named = network();
  Optimiser whole(named, options), resumed(resumed_named, options);
  for (std::uint64_t batch = 0; batch < 5; ++batch) whole.backward_and_step(loss_of(named, batch));
  ASSERT_EQ(whole.steps(), 1);
  // Steps of its own before must leave no trace.
  for (std::uint64_t batch = 50; batch < 57; ++batch) {
    resumed.backward_and_step(loss_of(resumed_named, batch));
  }
  const testing::TemporaryFolder folder;
  TensorFile file;
  whole.save(file);
  write_safetensors(folder / "state.safetensors", file);
  resumed.load(read_safetensors(folder / "state.safetensors"));
  set(resumed_named, named);
  expect_equal(state_of(resumed), state_of(whole));
  for (std::uint64_t batch = 5; batch < 13; ++batch) {
    const bool stepped = whole.backward_and_step(loss_of(named, batch));
    EXPECT_EQ(resumed.backward_and_step(loss_of(resumed_named, batch)), stepped);
    EXPECT_EQ(resumed.steps(), whole.steps());
  }
  EXPECT_EQ(whole.steps(), 4);
  expect_equal(named, resumed_named);
  expect_equal(whole.averaged(), resumed.averaged());
  expect_equal(state_of(resumed), state_of(whole));
}

INSTANTIATE_TEST_SUITE_P(Kinds, OptimiserResumes,
                         ::testing::Values(OptimiserKind::adam, OptimiserKind::adamw,
                                           OptimiserKind::adamax),
                         [](const auto& one) { return name_of(one.param); });

TEST(Optimiser, AStateFromBeforeTheFirstStepStartsAfresh) {
  const OptimiserOptions options{.kind = OptimiserKind::adamax, .lr = 0.01, .average = 0.5};
  const auto named = network(), other_named = network();
  Optimiser fresh(named, options), used(other_named, options);
  const auto begin = copies(named);
  TensorFile file;
  fresh.save(file);
  used.backward_and_step(loss_of(other_named, 7));
  used.load(file);
  set(other_named, begin);
  expect_equal(used.averaged(), begin);
  for (std::uint64_t batch = 0; batch < 3; ++batch) {
    fresh.backward_and_step(loss_of(named, batch));
    used.backward_and_step(loss_of(other_named, batch));
  }
  expect_equal(named, other_named);
  expect_equal(fresh.averaged(), used.averaged());
}

// Checkpoints hold these names.
TEST(Optimiser, NamesItsStateAsCheckpointsDo) {
  const auto keys = [](const Optimiser& optimiser) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : state_of(optimiser)) names.push_back(name);
    return names;
  };
  const Named weights = {{"a.b", at::ones({2}).requires_grad_()}, {"fixed", at::ones({2})}};
  const std::vector<std::string> before = {"adam.steps"};
  const std::vector<std::string> after = {"adam.first.a.b", "adam.second.a.b", "adam.steps"};
  Optimiser adam(weights, {});
  EXPECT_EQ(keys(adam), before);
  adam.backward_and_step(weights.at("a.b").sum());
  EXPECT_EQ(keys(adam), after);
  Optimiser adamw(weights, {.kind = OptimiserKind::adamw, .accumulate = 2, .average = 0.5});
  for (int batch = 0; batch < 3; ++batch) adamw.backward_and_step(weights.at("a.b").sum());
  const std::vector<std::string> all = {"adamw.average.a.b",  "adamw.first.a.b",
                                        "adamw.gradient.a.b", "adamw.pending",
                                        "adamw.second.a.b",   "adamw.steps"};
  EXPECT_EQ(keys(adamw), all);
}

TEST(Optimiser, AGradientThatIsNotFiniteChangesNothing) {
  for (const double bad : {std::nan(""), 1e30}) {  // whose norm float32 does not hold
    const OptimiserOptions options{.lr = 0.01, .clip = 1, .accumulate = 2, .average = 0.9};
    const auto named = network();
    Optimiser optimiser(named, options);
    for (std::uint64_t batch = 0; batch < 4; ++batch) {
      optimiser.backward_and_step(loss_of(named, batch));
    }
    const auto weights = copies(named), state = state_of(optimiser);
    const double norm = optimiser.gradient_norm();
    optimiser.backward(loss_of(named, 4));
    const auto message = message_of([&] { optimiser.backward_and_step(loss_of(named, 5) * bad); });
    EXPECT_EQ(message, "the gradient is not finite");
    expect_equal(named, weights);
    expect_equal(state_of(optimiser), state);  // nothing pending either
    EXPECT_EQ(optimiser.gradient_norm(), norm);

    const auto same_named = network();
    Optimiser same(same_named, options);
    set(same_named, weights);
    same.load({state, {}});
    for (std::uint64_t batch = 6; batch < 8; ++batch) {
      optimiser.backward_and_step(loss_of(named, batch));
      same.backward_and_step(loss_of(same_named, batch));
    }
    EXPECT_EQ(optimiser.steps(), 3);
    expect_equal(named, same_named);
  }
}

/// Neither the weights nor their moments or their average move, and no step is counted.
TEST(Optimiser, ASkippedStepChangesNothing) {
  const auto named = network();
  Optimiser optimiser(named, {.lr = 0.01, .clip = 1, .skip = 1e3, .average = 0.9});
  EXPECT_TRUE(optimiser.backward_and_step(loss_of(named, 0)));
  const auto weights = copies(named), state = state_of(optimiser);
  EXPECT_FALSE(optimiser.backward_and_step(loss_of(named, 1, 1e6)));
  EXPECT_GT(optimiser.gradient_norm(), 1e3);
  expect_equal(named, weights);
  expect_equal(state_of(optimiser), state);
  EXPECT_TRUE(optimiser.backward_and_step(loss_of(named, 2)));
  EXPECT_EQ(optimiser.steps(), 2);
}

TEST(Optimiser, HalfABackwardPassIsForgotten) {
  const OptimiserOptions options{.lr = 0.01, .accumulate = 3};
  const auto named = network(), same_named = network();
  Optimiser optimiser(named, options), same(same_named, options);
  optimiser.backward(loss_of(named, 0));
  // The bias has its gradient when this one throws.
  const auto thrower = named.at("fc") * 1;
  thrower.register_hook([](const at::Tensor&) { throw std::runtime_error("out of memory"); });
  auto broken = named;
  broken["fc"] = thrower;
  EXPECT_ANY_THROW(optimiser.backward(loss_of(broken, 1)));
  for (std::uint64_t batch = 2; batch < 5; ++batch) {
    EXPECT_EQ(optimiser.backward_and_step(loss_of(named, batch)), batch == 4);
    same.backward_and_step(loss_of(same_named, batch));
  }
  expect_equal(named, same_named);
}

TEST(Optimiser, AWeightWithoutAGradientCountsAsOneOfZero) {
  const auto weights = [] {
    return Named{{"a", at::ones({3}).requires_grad_()}, {"b", at::ones({3}).requires_grad_()}};
  };
  const auto without = weights(), zero = weights();
  Optimiser one(without, {.lr = 0.1}), other(zero, {.lr = 0.1});
  for (int step = 0; step < 3; ++step) {
    const auto b = [&](const Named& named) { return named.at("b").square().sum(); };
    one.backward_and_step(step == 0 ? b(without) + without.at("a").sum() : b(without));
    other.backward_and_step(b(zero) + zero.at("a").sum() * (step == 0 ? 1 : 0));
  }
  expect_equal(without, zero);
  EXPECT_LT(without.at("a").max().item<double>(), 0.85);  // its running mean moved it on
}

TEST(Optimiser, RefusesStatesOfOtherKindsAndOtherWeights) {
  const auto named = network();
  const OptimiserOptions options{.lr = 0.01, .accumulate = 3, .average = 0.5};
  Optimiser optimiser(named, options);
  for (std::uint64_t batch = 0; batch < 4; ++batch) {
    optimiser.backward_and_step(loss_of(named, batch));
  }
  const auto state = state_of(optimiser);
  const auto refusal = [&](const std::string& name, const at::Tensor& tensor) {
    auto changed = state;
    changed.erase(name);
    if (tensor.defined()) changed[name] = tensor;
    return message_of([&] { optimiser.load({changed, {}}); });
  };
  const at::Tensor none;
  EXPECT_NE(refusal("adam.steps", none).find("'adam.steps', found none"), std::string::npos);
  for (const char* name :
       {"adam.first.conv", "adam.second.fc", "adam.average.bias", "adam.gradient.fc"}) {
    EXPECT_NE(refusal(name, none).find("found none"), std::string::npos) << name;
    EXPECT_NE(refusal(name, at::ones({2})).find("of shape"), std::string::npos) << name;
    EXPECT_NE(refusal(name, state.at(name).to(at::kInt)).find("of type"), std::string::npos);
  }
  EXPECT_NE(refusal("adam.steps", at::full({1}, 1.0)).find("of type"), std::string::npos);
  EXPECT_NE(refusal("adam.steps", at::full({1}, -1, at::kLong)).find("got -1"), std::string::npos);
  const auto pending = [](std::int64_t done, std::int64_t all) {
    return at::tensor({done, all}, at::kLong);
  };
  EXPECT_NE(refusal("adam.pending", pending(1, 2)).find("one of 2"), std::string::npos);
  EXPECT_NE(refusal("adam.pending", pending(3, 3)).find("got 3"), std::string::npos);
  EXPECT_NE(refusal("adam.pending", pending(0, 3)).find("got 0"), std::string::npos);
  expect_equal(state_of(optimiser), state);

  auto other_options = options;
  other_options.kind = OptimiserKind::adamw;
  Optimiser adamw(named, other_options);
  EXPECT_EQ(message_of([&] {
              adamw.load({state, {}});
            }),
            "training state: expected the state of adamw, got adam: resume with the optimiser of "
            "the run");
}

TEST(Optimiser, RefusesOptionsOutOfRange) {
  const std::vector<std::pair<std::string, OptimiserOptions>> bad = {
      {"lr", {.lr = 0}},
      {"lr", {.lr = std::nan("")}},
      {"beta1", {.beta1 = 1}},
      {"beta2", {.beta2 = -0.1}},
      {"epsilon", {.epsilon = 0}},
      {"weight_decay", {.weight_decay = -1}},
      {"clip", {.clip = -1}},
      {"skip", {.skip = -1}},
      {"accumulate", {.accumulate = 0}},
      {"average", {.average = 1}},
      {"average", {.average = std::nan("")}}};
  for (const auto& [name, options] : bad) {
    EXPECT_THROW(check(options), UsageError);
    EXPECT_TRUE(message_of([&] { Optimiser(network(), options); }).starts_with(name)) << name;
  }
  for (const auto kind : {OptimiserKind::adam, OptimiserKind::adamw, OptimiserKind::adamax}) {
    EXPECT_EQ(optimiser_from_name(name_of(kind)), kind);
  }
  EXPECT_THROW(optimiser_from_name("sgd"), UsageError);
}

TEST(Optimiser, RefusesWeightsThatItCannotMove) {
  const auto refuses = [](const at::Tensor& tensor, const std::string& reason) {
    const auto message = message_of([&] { Optimiser({{"weight", tensor}}, {}); });
    EXPECT_NE(message.find(reason), std::string::npos) << message;
  };
  refuses(at::ones({3}), "got none");
  refuses(at::ones({3}, at::kDouble).requires_grad_(), "float32");
  refuses(at::ones({3}).requires_grad_() * 2, "leaf");
  refuses(at::ones({4, 4}).slice(1, 0, 2).requires_grad_(), "dense");
  Optimiser optimiser(network(), {});
  for (const double rate : {-1e-3, std::nan("")}) {
    EXPECT_THROW(optimiser.set_learning_rate(rate), Error);
  }
}

}  // namespace
}  // namespace neurosplat
