#include <ATen/ATen.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {
namespace {

using Function = at::Tensor (*)(const at::Tensor&);

/// Exponents are held below this, where float32 squares still fit.
constexpr double kLargestExponent = 40;

const std::vector<std::pair<std::string, Function>>& menu() {
  static const std::vector<std::pair<std::string, Function>> functions = {
      {"identity", [](const at::Tensor& z) { return z; }},
      {"relu", [](const at::Tensor& z) { return at::relu(z); }},
      {"logistic", [](const at::Tensor& z) { return at::sigmoid(z); }},
      {"gompertz",
       [](const at::Tensor& z) { return at::exp(-at::exp(-z.clamp_min(-kLargestExponent))); }},
      {"softplus", [](const at::Tensor& z) { return at::softplus(z); }},
      {"gaussian-cdf",
       [](const at::Tensor& z) { return 0.5 * (1 + at::erf(z * std::numbers::sqrt2 / 2)); }},
      {"arctan", [](const at::Tensor& z) { return at::atan(z) * (2 / std::numbers::pi); }},
      {"tanh", [](const at::Tensor& z) { return at::tanh(z); }},
      {"naka-rushton",
       [](const at::Tensor& z) {
         const auto square = at::relu(z).square();
         return square / (1 + square);
       }},
      {"fitzhugh-nagumo", [](const at::Tensor& z) { return z - z.pow(3) / 3; }},
      {"adaptive-exponential",
       [](const at::Tensor& z) { return at::exp(z.clamp_max(kLargestExponent)) - z - 1; }}};
  return functions;
}

}  // namespace

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> listed;
    for (const auto& [name, function] : menu()) listed.push_back(name);
    return listed;
  }();
  return names;
}

at::Tensor activate(const std::string& activation, const at::Tensor& z) {
  for (const auto& [name, function] : menu()) {
    if (name == activation) return function(z);
  }
  std::string names;
  for (const auto& name : activation_names()) names += text(names.empty() ? "" : ", ", name);
  throw UsageError(text("latent_act: expected one of ", names, ", got '", activation, "'"));
}

}  // namespace neurosplat
