#include "neurosplat/systems/iterative_vae/inference_speed.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <chrono>

#include "neurosplat/systems/iterative_vae/iterative_inference.h"
#include "neurosplat/systems/iterative_vae/iterative_vae_config.h"
#include "systems/iterative_vae/iterative_vae_update.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kFewest = 3;
/// So small that the weights, and with them the rates, stay.
constexpr double kStandingRate = 1e-12;

double seconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

at::Tensor noise(std::int64_t rows, std::int64_t columns) {
  return at::randn({rows, columns}, at::detail::createCPUGenerator(1), at::kFloat);
}

IterativeVaeConfig late_in_training(const SpeedCase& measured, const std::string& loop) {
  IterativeVaeConfig config;
  config.model = measured.sizes.model;
  config.latent_act = measured.sizes.activation;
  config.decoder = measured.sizes.decoder;
  config.n_latents = measured.sizes.latents;
  config.t_train = measured.steps;
  config.batch = measured.batch;
  config.loop = loop;
  config.samples = loop == "eager" ? "fresh" : "shared";
  config.lr = kStandingRate;
  config.lr_min = 0;
  config.temp_start = config.temp_stop;
  config.kl_const_portion = config.kl_anneal_portion = 0;
  return config;
}

class TimedTraining {
 public:
  TimedTraining(const SpeedCase& measured, const std::optional<IterativeVae>& weights,
                const std::string& loop)
      : x_(noise(measured.batch, measured.sizes.pixels)),
        update_(late_in_training(measured, loop), measured.sizes.pixels, 1 << 20, at::kCPU) {
    if (weights) update_.model().load_state(weights->state());
    update_.step(x_);
  }
  void time_once() {
    times_.push_back(seconds_of([&] { update_.step(x_); }));
    sum_ += times_.back();
  }
  bool has(double seconds) const { return times_.size() >= kFewest && sum_ >= seconds; }
  double patches_per_second() const { return static_cast<double>(x_.size(0)) / median(times_); }

 private:
  at::Tensor x_;
  IterativeVaeUpdate update_;
  std::vector<double> times_;
  double sum_ = 0;
};

}  // namespace

TrainingSpeed measure_training(const SpeedCase& measured,
                               const std::optional<IterativeVae>& weights, bool eager,
                               double seconds) {
  TimedTraining fused(measured, weights, "fused");
  std::optional<TimedTraining> slow;
  if (eager) slow.emplace(measured, weights, "eager");
  while (!fused.has(seconds) || (slow && !slow->has(seconds))) {
    if (!fused.has(seconds)) fused.time_once();
    if (slow && !slow->has(seconds)) slow->time_once();
  }
  return {measured, fused.patches_per_second(), slow ? slow->patches_per_second() : 0};
}

double patch_steps_per_second(const IterativeVae& model, std::int64_t batch, double seconds) {
  const auto x = noise(batch, model.architecture().pixels);
  IterativeInference inference(model, batch);
  // Past the first steps, whose rates are not those of inference.
  for (int i = 0; i < 16; ++i) inference.step(x);
  std::vector<double> times;
  for (double sum = 0; times.size() < kFewest || sum < seconds; sum += times.back()) {
    times.push_back(seconds_of([&] { inference.step(x); }));
  }
  return static_cast<double>(batch) / median(times);
}

double online_step_us(const IterativeVae& model, double seconds) {
  return 1e6 / patch_steps_per_second(model, 1, seconds);
}

double matrix_product_gflops(double seconds) {
  constexpr std::int64_t kSide = 1024;
  const auto a = noise(kSide, kSide), b = noise(kSide, kSide);
  auto c = at::empty_like(a);
  std::vector<double> times;
  at::mm_out(c, a, b);
  for (double sum = 0; times.size() < kFewest || sum < seconds; sum += times.back()) {
    times.push_back(seconds_of([&] { at::mm_out(c, a, b); }));
  }
  return 2e-9 * kSide * kSide * kSide / median(times);
}

double training_flops(const SpeedCase& measured) {
  const double product = 2.0 * static_cast<double>(measured.sizes.pixels * measured.sizes.latents);
  // Forward: a drive a step, a picture a sample; backward: the two again, and the dictionary's
  // gradient by each.
  const auto steps = static_cast<double>(measured.steps);
  return product * 3 * (steps + (steps + 1));
}

}  // namespace neurosplat
