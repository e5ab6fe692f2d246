#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "neurosplat/simd/product.h"
#include "systems/iterative_vae/free_energy.h"
#include "systems/iterative_vae/inference_engine.h"
#include "systems/iterative_vae/loop/loop.h"

namespace neurosplat::ivae {
namespace {

/// Pictures whose rows go through a step together.
constexpr std::int64_t kChunk = 48;

/// Rows that are no multiple of a kilobyte long (simd/product.h).
std::int64_t stride_of(std::int64_t count) {
  return simd::padded(count) + simd::kPadding;
}

at::Tensor padded_copy(const at::Tensor& matrix) {
  auto copy = at::zeros({matrix.size(0), stride_of(matrix.size(1))}, at::kFloat);
  copy.narrow(1, 0, matrix.size(1)).copy_(matrix);
  return copy;
}

/// A matrix of rows with padding, and its part that counts.
struct Rows {
  Rows() = default;
  Rows(std::int64_t rows, std::int64_t columns)
      : all(at::zeros({rows, stride_of(columns)}, at::kFloat)),
        used(all.narrow(1, 0, columns)),
        data(all.mutable_data_ptr<float>()),
        stride(all.size(1)) {}

  float* row(std::int64_t r) const { return data + r * stride; }

  at::Tensor all, used;
  float* data = nullptr;
  std::int64_t stride = 0;
};

class FusedEngine : public InferenceEngine {
 public:
  FusedEngine(const IterativeVae& model, std::int64_t batch, const InferenceOptions& options)
      : options_(options),
        poisson_(model.architecture().poisson()),
        batch_(batch),
        pixels_(model.architecture().pixels),
        latents_(model.architecture().latents),
        kernels_(kernels()),
        ceilings_(ceilings(poisson_, 1)) {
    const at::NoGradGuard no_gradient;
    dictionary_ = padded_copy(model.state().at("decoder.weight").detach());
    transposed_ = padded_copy(model.state().at("decoder.weight").detach().t());
    precision_ = model.scale().pow(-2).contiguous();
    bias_ = model.bias_current().contiguous();
    if (model.architecture().has_gain()) gain_ = at::exp(model.state().at("log_gain")).contiguous();
    const auto sizes = model.step_sizes();
    for (int i = 0; i < states(); ++i) {
      rates_[i] = sizes[i].item<float>();
      initial_[static_cast<std::size_t>(i)] =
          model.initial()[static_cast<std::size_t>(i)].detach().squeeze(0).contiguous().clone();
      for (auto* rows_of : {&now_, &next_, &prior_}) {
        (*rows_of)[static_cast<std::size_t>(i)] = Rows(batch_, latents_);
      }
      view_.push_back(now_[static_cast<std::size_t>(i)].used);
    }
    activity_ = Rows(batch_, latents_);
    noise_ = Rows(batch_, latents_);
    drive_ = Rows(batch_, latents_);
    error_ = Rows(batch_, pixels_);
    expected_ = Rows(batch_, pixels_);
    changes_.assign(static_cast<std::size_t>(batch_), 0.0);
    if (options_.guard) energy_.emplace(model);
    reset();
  }

  int states() const { return poisson_ ? 1 : 2; }

  void reset() override {
    for (int i = 0; i < states(); ++i) {
      now_[static_cast<std::size_t>(i)].used.copy_(initial_[static_cast<std::size_t>(i)]);
    }
    std::fill(changes_.begin(), changes_.end(), 0.0);
    share_accepted_ = 1;
    in_chunks([&](std::int64_t first, std::int64_t count) { draw(first, count); });
    ++drawn_;
  }

  void step(const at::Tensor& frames) override {
    const at::NoGradGuard no_gradient;
    x_ = frames.const_data_ptr<float>();
    if (options_.guard) return guarded_step(frames);
    in_chunks([&](std::int64_t first, std::int64_t count) {
      begin(first, count);
      for (std::int64_t i = 0; i < options_.inner; ++i) {
        iterate(first, count);
        take_next(first, count);
        draw(first, count, i);
      }
      measure_change(first, count);
    });
    drawn_ += options_.inner;
  }

  const InferenceState& state() const override { return view_; }
  at::Tensor activity() const override { return activity_.used; }
  at::Tensor reconstruction() const override { return expected_.used; }
  at::Tensor mean_reconstruction() const override;
  double last_change() const override;
  double accepted() const override { return share_accepted_; }

 private:
  template <class Work>
  void in_chunks(const Work& work) const {
    const auto chunks = (batch_ + kChunk - 1) / kChunk;
    const auto chunk = [&](std::int64_t i) {
      work(i * kChunk, std::min(kChunk, batch_ - i * kChunk));
    };
    if (chunks == 1) return chunk(0);
    at::parallel_for(0, chunks, 1, [&](std::int64_t first, std::int64_t last) {
      for (auto i = first; i < last; ++i) chunk(i);
    });
  }

  /// Keeps yesterday's posterior.
  void begin(std::int64_t first, std::int64_t count) {
    for (int i = 0; i < states(); ++i) {
      const auto& from = now_[static_cast<std::size_t>(i)];
      const auto& to = prior_[static_cast<std::size_t>(i)];
      std::copy(from.row(first), from.row(first) + count * from.stride, to.row(first));
    }
  }

  void draw(std::int64_t first, std::int64_t count, std::int64_t more = 0) {
    for (std::int64_t r = first; r < first + count; ++r) {
      const auto key =
          simd::random_key(options_.seed, ((drawn_ + static_cast<std::uint64_t>(more)) << 24) +
                                              static_cast<std::uint64_t>(r));
      if (poisson_) {
        kernels_.poisson_sample({latents_, now_[0].row(r), key, Counting::hard, 0,
                                 std::numeric_limits<std::int32_t>::max(), activity_.row(r),
                                 nullptr});
      } else {
        kernels_.gaussian_sample({latents_, now_[0].row(r), now_[1].row(r), key, gain_data(),
                                  activity_.row(r), noise_.row(r)});
      }
    }
    kernels_.product({count, pixels_, latents_, activity_.row(first), activity_.stride, 1,
                      transposed_.const_data_ptr<float>(), transposed_.size(1),
                      expected_.row(first), expected_.stride, false});
  }

  void iterate(std::int64_t first, std::int64_t count) {
    for (std::int64_t r = first; r < first + count; ++r) {
      kernels_.residual({pixels_, x_ + r * pixels_, expected_.row(r),
                         precision_.const_data_ptr<float>(), error_.row(r)});
    }
    kernels_.product({count, latents_, pixels_, error_.row(first), error_.stride, 1,
                      dictionary_.const_data_ptr<float>(), dictionary_.size(1), drive_.row(first),
                      drive_.stride, false});
    const auto leak = static_cast<float>(options_.beta_inner);
    const auto* currents = bias_.const_data_ptr<float>();
    for (std::int64_t r = first; r < first + count; ++r) {
      if (poisson_) {
        kernels_.poisson_step({latents_, drive_.row(r), now_[0].row(r), prior_[0].row(r), currents,
                               rates_[0], leak, static_cast<float>(ceilings_.state[0]),
                               static_cast<float>(ceilings_.change[0]), next_[0].row(r), nullptr,
                               nullptr, nullptr});
        continue;
      }
      GaussianStep made{};
      made.count = latents_;
      made.drive = drive_.row(r);
      made.activity = activity_.row(r);
      made.noise = noise_.row(r);
      made.gain = gain_data();
      made.bias = currents;
      made.mean = now_[0].row(r);
      made.log_sigma = now_[1].row(r);
      made.prior_mean = prior_[0].row(r);
      made.prior_log_sigma = prior_[1].row(r);
      made.rate_mean = rates_[0];
      made.rate_log_sigma = rates_[1];
      made.leak = leak;
      made.ceiling_mean = static_cast<float>(ceilings_.state[0]);
      made.ceiling_log_sigma = static_cast<float>(ceilings_.state[1]);
      made.ceiling_mean_change = static_cast<float>(ceilings_.change[0]);
      made.ceiling_log_sigma_change = static_cast<float>(ceilings_.change[1]);
      made.next_mean = next_[0].row(r);
      made.next_log_sigma = next_[1].row(r);
      kernels_.gaussian_step(made);
    }
  }

  void take_next(std::int64_t first, std::int64_t count) {
    for (int i = 0; i < states(); ++i) {
      const auto& from = next_[static_cast<std::size_t>(i)];
      const auto& to = now_[static_cast<std::size_t>(i)];
      std::copy(from.row(first), from.row(first) + count * from.stride, to.row(first));
    }
  }

  void measure_change(std::int64_t first, std::int64_t count) {
    for (std::int64_t r = first; r < first + count; ++r) {
      float sum = 0;
      for (std::int64_t k = 0; k < latents_; ++k) {
        const float moved = now_[0].row(r)[k] - prior_[0].row(r)[k];
        sum += moved * moved;
      }
      changes_[static_cast<std::size_t>(r)] = std::sqrt(static_cast<double>(sum));
    }
  }

  /// Iteration by iteration: each is kept, picture by picture, where the free energy_ falls.
  void guarded_step(const at::Tensor& frames) {
    begin(0, batch_);
    InferenceState before, yesterday, proposed;
    for (int i = 0; i < states(); ++i) {
      const auto n = static_cast<std::size_t>(i);
      yesterday.push_back(prior_[n].used);
      proposed.push_back(next_[n].used);
    }
    double kept = 0;
    for (std::int64_t i = 0; i < options_.inner; ++i) {
      in_chunks([&](std::int64_t first, std::int64_t count) { iterate(first, count); });
      const auto falls =
          energy_->of(frames, proposed, yesterday) < energy_->of(frames, view_, yesterday);
      kept += falls.to(at::kDouble).mean().item<double>();
      for (std::size_t n = 0; n < proposed.size(); ++n) {
        view_[n].copy_(at::where(falls.unsqueeze(1), proposed[n], view_[n]));
      }
      in_chunks([&](std::int64_t first, std::int64_t count) { draw(first, count, i); });
    }
    in_chunks([&](std::int64_t first, std::int64_t count) { measure_change(first, count); });
    drawn_ += static_cast<std::uint64_t>(options_.inner);
    share_accepted_ = kept / static_cast<double>(options_.inner);
  }

  const float* gain_data() const {
    return gain_.defined() ? gain_.const_data_ptr<float>() : nullptr;
  }

  const InferenceOptions options_;
  const bool poisson_;
  const std::int64_t batch_, pixels_, latents_;
  const Kernels& kernels_;
  const Ceilings ceilings_;
  at::Tensor dictionary_, transposed_, precision_, bias_, gain_;
  float rates_[2] = {0, 0};
  std::array<at::Tensor, 2> initial_;
  std::array<Rows, 2> now_, next_, prior_;
  Rows activity_, noise_, drive_, error_, expected_;
  InferenceState view_;
  std::vector<double> changes_;
  std::optional<FreeEnergy> energy_;
  double share_accepted_ = 1;
  const float* x_ = nullptr;
  std::uint64_t drawn_ = 0;
};

at::Tensor FusedEngine::mean_reconstruction() const {
  const at::NoGradGuard no_gradient;
  auto mean = poisson_ ? at::exp(view_[0]) : view_[0];
  if (gain_.defined()) mean = gain_ * at::relu(mean);
  return at::matmul(mean, dictionary_.narrow(1, 0, latents_).t());
}

double FusedEngine::last_change() const {
  double sum = 0;
  for (const double change : changes_) sum += change;
  return sum / static_cast<double>(batch_);
}

}  // namespace

std::unique_ptr<InferenceEngine> fused_engine(const IterativeVae& model, std::int64_t batch,
                                              const InferenceOptions& options) {
  return std::make_unique<FusedEngine>(model, batch, options);
}

}  // namespace neurosplat::ivae
