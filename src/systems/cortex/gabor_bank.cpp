#include "neurosplat/systems/cortex/gabor_bank.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/cortex/gabor_kernels.h"

namespace neurosplat {
namespace {

/// An axis factor: the envelope times cos or sin of one wavenumber, or all ones.
struct Factor {
  enum Kind { cosine, sine, ones } kind;
  double wave;  ///< radians per pixel, >= 0
  bool operator==(const Factor&) const = default;

  double at(double place, double sigma) const {
    if (kind == ones) return 1.0;
    const double envelope = std::exp(-place * place / (2.0 * sigma * sigma));
    return envelope * (kind == cosine ? std::cos(wave * place) : std::sin(wave * place));
  }
};

/// A map that one x factor and one y factor make of the picture.
struct Product {
  int x, y;  ///< places in the list of factors
};

/// What orientation o is made of: (cx + i sx)(cy + i sy) less the mean, sx with the sign of x's
/// wavenumber. Numbers of products; -1 where the sine is zero.
struct Recipe {
  int cos_cos, sin_sin, cos_sin, sin_cos;
  double x_sign, mean;
};

/// How the bank is computed: the distinct factors, the products of them, and the sums.
struct Plan {
  std::vector<Factor> factors;
  std::vector<Product> products;
  std::vector<Recipe> recipes;
  int box;  ///< number of the product of ones

  int factor(Factor::Kind kind, double wave) {
    for (std::size_t i = 0; i < factors.size(); ++i) {
      if (factors[i].kind == kind && std::abs(factors[i].wave - wave) < 1e-12)
        return static_cast<int>(i);
    }
    factors.push_back({kind, wave});
    return static_cast<int>(factors.size() - 1);
  }

  int product(int x, int y) {
    for (std::size_t i = 0; i < products.size(); ++i) {
      if (products[i].x == x && products[i].y == y) return static_cast<int>(i);
    }
    products.push_back({x, y});
    return static_cast<int>(products.size() - 1);
  }
};

Plan plan_of(const GaborSettings& settings, const at::Tensor& means) {
  Plan plan;
  const double wave = 2.0 * std::numbers::pi / settings.wavelength;
  const auto cleaned = [](double k) { return std::abs(k) < 1e-12 ? 0.0 : k; };
  for (std::int64_t o = 0; o < settings.orientations; ++o) {
    const double angle =
        std::numbers::pi * static_cast<double>(o) / static_cast<double>(settings.orientations);
    const double kx = cleaned(wave * std::cos(angle)), ky = cleaned(wave * std::sin(angle));
    const int cx = plan.factor(Factor::cosine, std::abs(kx)), cy = plan.factor(Factor::cosine, ky);
    Recipe recipe{plan.product(cx, cy), -1, -1, -1, kx < 0.0 ? -1.0 : 1.0, means[o].item<double>()};
    if (ky > 0.0) recipe.cos_sin = plan.product(cx, plan.factor(Factor::sine, ky));
    if (kx != 0.0) {
      const int sx = plan.factor(Factor::sine, std::abs(kx));
      recipe.sin_cos = plan.product(sx, cy);
      if (ky > 0.0) recipe.sin_sin = plan.product(sx, plan.factor(Factor::sine, ky));
    }
    plan.recipes.push_back(recipe);
  }
  const int ones = plan.factor(Factor::ones, 0.0);
  plan.box = plan.product(ones, ones);
  // Products of one x factor side by side, so that they are summed in one go.
  std::vector<int> order(plan.products.size()), place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  const auto x_of = [&](int i) { return plan.products[static_cast<std::size_t>(i)].x; };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return x_of(a) < x_of(b); });
  std::vector<Product> sorted;
  for (std::size_t i = 0; i < order.size(); ++i) {
    sorted.push_back(plan.products[static_cast<std::size_t>(order[i])]);
    place[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  }
  plan.products = std::move(sorted);
  const auto moved = [&](int& i) { i = i < 0 ? i : place[static_cast<std::size_t>(i)]; };
  for (auto& recipe : plan.recipes) {
    for (int* i : {&recipe.cos_cos, &recipe.sin_sin, &recipe.cos_sin, &recipe.sin_cos}) moved(*i);
  }
  moved(plan.box);
  return plan;
}

std::int64_t rounded_up(std::int64_t length) {
  return (length + gabor::kLanes - 1) / gabor::kLanes * gabor::kLanes;
}

/// The passes in one number type.
template <class Real>
class Passes {
 public:
  Passes(const GaborSettings& settings, const Plan& plan)
      : plan_(plan), support_(settings.support), radius_(settings.support / 2) {
    for (const auto& factor : plan.factors) {
      // Mirrored: convolution takes tap j from the pixel j - radius away on the other side.
      for (std::int64_t j = 0; j < support_; ++j) {
        taps_.push_back(
            static_cast<Real>(factor.at(static_cast<double>(radius_ - j), settings.sigma)));
      }
    }
    for (const auto& product : plan.products) {
      const Real* of_factor = taps(product.y);
      column_taps_.insert(column_taps_.end(), of_factor, of_factor + support_);
    }
  }

  at::Tensor run(const at::Tensor& picture) const {
    const auto height = picture.size(0), width = picture.size(1), stride = rounded_up(width);
    auto lines = at::empty({static_cast<std::int64_t>(plan_.factors.size()), height, stride},
                           picture.options());
    auto responses = at::empty({static_cast<std::int64_t>(plan_.recipes.size()), 2, height, width},
                               picture.options());
    const Real* from = picture.const_data_ptr<Real>();
    Real* between = lines.mutable_data_ptr<Real>();
    Real* to = responses.mutable_data_ptr<Real>();
    constexpr std::int64_t kRows = 8;  // that a thread takes at least
    at::parallel_for(0, height, kRows, [&](std::int64_t first, std::int64_t last) {
      along_rows(from, height, width, first, last, between);
    });
    at::parallel_for(0, height, kRows, [&](std::int64_t first, std::int64_t last) {
      along_columns(between, height, width, first, last, to);
    });
    return responses;
  }

 private:
  const Real* taps(int factor) const { return taps_.data() + factor * support_; }

  /// Rows first..last-1 of every factor's map.
  void along_rows(const Real* picture, std::int64_t height, std::int64_t width, std::int64_t first,
                  std::int64_t last, Real* lines) const {
    const auto stride = rounded_up(width);
    const int count = static_cast<int>(plan_.factors.size());
    std::vector<Real> padded(static_cast<std::size_t>(stride + support_), Real(0));
    std::vector<const Real*> in;
    for (std::int64_t j = 0; j < support_; ++j) in.push_back(padded.data() + j);
    std::vector<Real*> out(static_cast<std::size_t>(count));
    for (std::int64_t y = first; y < last; ++y) {
      std::copy_n(picture + y * width, width, padded.begin() + radius_);
      for (int m = 0; m < count; ++m)
        out[static_cast<std::size_t>(m)] = lines + (m * height + y) * stride;
      for (int m = 0; m < count; m += gabor::kMostFilters) {
        gabor::kernels<Real>().weighted_sums(in.data(), support_, taps(m), support_,
                                             std::min(gabor::kMostFilters, count - m),
                                             out.data() + m, width);
      }
    }
  }

  /// Rows first..last-1 of the responses: sums over neighbouring lines, then the recipes.
  void along_columns(const Real* lines, std::int64_t height, std::int64_t width, std::int64_t first,
                     std::int64_t last, Real* responses) const {
    const auto stride = rounded_up(width);
    const auto count = plan_.products.size();
    std::vector<Real> sums(count * static_cast<std::size_t>(stride));
    std::vector<Real*> out;
    for (std::size_t i = 0; i < count; ++i)
      out.push_back(sums.data() + i * static_cast<std::size_t>(stride));
    std::vector<const Real*> in(static_cast<std::size_t>(support_));
    for (std::int64_t y = first; y < last; ++y) {
      const auto top = std::max<std::int64_t>(y - radius_, 0);
      const auto rows = std::min(y + radius_ + 1, height) - top;
      const auto skipped = top - (y - radius_);
      for (std::size_t i = 0, next = 0; i < count; i = next) {
        const int x_factor = plan_.products[i].x;
        while (next < count && next - i < gabor::kMostFilters &&
               plan_.products[next].x == x_factor) {
          ++next;
        }
        for (std::int64_t j = 0; j < rows; ++j)
          in[static_cast<std::size_t>(j)] = lines + (x_factor * height + top + j) * stride;
        const auto tap = i * static_cast<std::size_t>(support_) + static_cast<std::size_t>(skipped);
        gabor::kernels<Real>().weighted_sums(in.data(), rows, column_taps_.data() + tap, support_,
                                             static_cast<int>(next - i), out.data() + i, width);
      }
      combine(out, height, width, y, responses);
    }
  }

  void combine(const std::vector<Real*>& products, std::int64_t height, std::int64_t width,
               std::int64_t y, Real* responses) const {
    const auto of = [&](int i) -> const Real* {
      return i < 0 ? nullptr : products[static_cast<std::size_t>(i)];
    };
    const Real* box = of(plan_.box);
    for (std::size_t o = 0; o < plan_.recipes.size(); ++o) {
      const auto& recipe = plan_.recipes[o];
      Real* re = responses + (2 * static_cast<std::int64_t>(o) * height + y) * width;
      Real* im = re + height * width;
      const auto mean = static_cast<Real>(recipe.mean), sign = static_cast<Real>(recipe.x_sign);
      const Real* cc = of(recipe.cos_cos);
      const Real *ss = of(recipe.sin_sin), *cs = of(recipe.cos_sin), *sc = of(recipe.sin_cos);
      for (std::int64_t x = 0; x < width; ++x) {
        re[x] = cc[x] - mean * box[x];
        im[x] = Real(0);
      }
      if (ss != nullptr)
        for (std::int64_t x = 0; x < width; ++x) re[x] -= sign * ss[x];
      if (cs != nullptr)
        for (std::int64_t x = 0; x < width; ++x) im[x] += cs[x];
      if (sc != nullptr)
        for (std::int64_t x = 0; x < width; ++x) im[x] += sign * sc[x];
    }
  }

  Plan plan_;
  std::int64_t support_, radius_;
  std::vector<Real> taps_;         // [factors, support]
  std::vector<Real> column_taps_;  // [products, support]
};

/// The filters before their mean is taken off.
at::Tensor waves(const GaborSettings& settings) {
  const auto radius = settings.support / 2;
  const auto axis = at::arange(-radius, radius + 1, at::kDouble);
  const auto x = axis.view({1, 1, -1}), y = axis.view({1, -1, 1});
  const auto angle = at::arange(settings.orientations, at::kDouble).view({-1, 1, 1}) *
                     (std::numbers::pi / static_cast<double>(settings.orientations));
  const auto phase =
      (x * angle.cos() + y * angle.sin()) * (2.0 * std::numbers::pi / settings.wavelength);
  const auto envelope =
      at::exp(-(x.square() + y.square()) / (2.0 * settings.sigma * settings.sigma));
  return at::polar(envelope.expand_as(phase).contiguous(), phase);
}

}  // namespace

void check(const GaborSettings& settings) {
  if (settings.orientations < 1 || settings.orientations > 64) {
    throw UsageError(text("orientations: expected 1 to 64, got ", settings.orientations));
  }
  const auto positive = [](const char* name, double value) {
    if (!(std::isfinite(value) && value > 0.0))
      throw UsageError(text(name, ": expected a number above 0 pixels, got ", value));
  };
  positive("wavelength", settings.wavelength);
  positive("sigma", settings.sigma);
  if (settings.support < 1 || settings.support > 1023 || settings.support % 2 == 0) {
    throw UsageError(text("support: expected an odd number up to 1023, got ", settings.support));
  }
}

at::Tensor gabor_kernels(const GaborSettings& settings) {
  const at::NoGradGuard no_gradient;
  check(settings);
  const auto kernels = waves(settings);
  return kernels - kernels.mean({1, 2}, true);
}

struct GaborBank::State {
  explicit State(const GaborSettings& given)
      : settings(given),
        // The imaginary part is odd: its mean is nought.
        plan(plan_of(given, at::real(waves(given)).mean({1, 2}))),
        single(given, plan),
        full(given, plan) {}

  GaborSettings settings;
  Plan plan;
  Passes<float> single;
  Passes<double> full;
};

GaborBank::GaborBank(const GaborSettings& settings) {
  const at::NoGradGuard no_gradient;
  check(settings);
  state_ = std::make_unique<State>(settings);
}

GaborBank::~GaborBank() = default;
GaborBank::GaborBank(GaborBank&&) noexcept = default;
GaborBank& GaborBank::operator=(GaborBank&&) noexcept = default;

const GaborSettings& GaborBank::settings() const {
  return state_->settings;
}

at::Tensor GaborBank::respond(const at::Tensor& picture) const {
  const at::NoGradGuard no_gradient;
  const auto type = picture.scalar_type();
  if (picture.dim() != 2 || picture.numel() == 0 || !picture.device().is_cpu() ||
      (type != at::kFloat && type != at::kDouble)) {
    throw UsageError(text("picture: expected float or double [H, W] on the CPU, got ",
                          picture.toString(), " ", picture.sizes()));
  }
  const auto rows = picture.detach().contiguous();
  return type == at::kFloat ? state_->single.run(rows) : state_->full.run(rows);
}

}  // namespace neurosplat
