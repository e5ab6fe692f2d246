#include "neurosplat/evaluation/rotation_classifier.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "evaluation/sample_walk.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/schedule.h"

namespace neurosplat {
namespace {

using Weights = std::map<std::string, at::Tensor>;

constexpr std::int64_t kRotations = 4, kPicturesAtOnce = 64, kSmallestSide = 8;
constexpr const char *kClasses = "classes.weight", *kClassBias = "classes.bias";

struct Layer {
  std::int64_t inputs, outputs, kernel;
};
constexpr std::array<Layer, 5> kLayers = {
    {{3, 32, 5}, {32, 64, 3}, {64, 96, 3}, {96, 128, 3}, {128, RotationClassifier::kFeatures, 3}}};

std::string name_of_layer(std::size_t number, const char* part) {
  return text("layers.", number, ".", part);
}

std::string described(const at::Tensor& tensor) {
  return tensor.defined() ? text(tensor.scalar_type(), " ", tensor.sizes()) : "nothing";
}

/// The shape of every weight by its name.
std::map<std::string, std::vector<std::int64_t>> shapes() {
  std::map<std::string, std::vector<std::int64_t>> all;
  for (std::size_t number = 0; number < kLayers.size(); ++number) {
    const auto& layer = kLayers[number];
    all[name_of_layer(number, "weight")] = {layer.outputs, layer.inputs, layer.kernel,
                                            layer.kernel};
    all[name_of_layer(number, "bias")] = {layer.outputs};
  }
  all[kClasses] = {kRotations, RotationClassifier::kFeatures};
  all[kClassBias] = {kRotations};
  return all;
}

Weights random_weights(const at::Generator& generator) {
  Weights weights;
  for (const auto& [name, shape] : shapes()) {
    auto weight = at::zeros(shape, at::kFloat);
    if (shape.size() > 1) {
      const auto inputs = static_cast<double>(weight.numel() / shape[0]);
      weight.normal_(0.0, std::sqrt(2.0 / inputs), generator);
    }
    weights[name] = weight.requires_grad_();
  }
  return weights;
}

at::Tensor features_with(const Weights& weights, const at::Tensor& pictures) {
  auto maps = pictures * 2.0 - 1.0;
  for (std::size_t number = 0; number < kLayers.size(); ++number) {
    const auto& layer = kLayers[number];
    maps = at::relu(at::conv2d(maps, weights.at(name_of_layer(number, "weight")),
                               weights.at(name_of_layer(number, "bias")), at::IntArrayRef(2),
                               at::IntArrayRef(layer.kernel / 2)));
  }
  return maps.mean({2, 3});
}

at::Tensor logits_with(const Weights& weights, const at::Tensor& pictures) {
  return at::linear(features_with(weights, pictures), weights.at(kClasses), weights.at(kClassBias));
}

/// An equal part of pictures [B, 3, S, S] for each rotation, one after the other.
at::Tensor rotated_parts(const at::Tensor& pictures) {
  const auto parts = pictures.chunk(kRotations);
  std::vector<at::Tensor> rotated;
  for (std::int64_t k = 0; k < kRotations; ++k)
    rotated.push_back(parts[static_cast<std::size_t>(k)].rot90(k, {2, 3}));
  return at::cat(rotated);
}

void check_pictures(const at::Tensor& pictures, bool bytes, bool square) {
  if (pictures.defined() && pictures.dim() == 4 && pictures.size(0) > 0 && pictures.size(1) == 3 &&
      std::min(pictures.size(2), pictures.size(3)) >= kSmallestSide &&
      (!square || pictures.size(2) == pictures.size(3)) &&
      (pictures.is_floating_point() || (bytes && pictures.scalar_type() == at::kByte)))
    return;
  throw Error(text("expected pictures [B, 3, ", square ? "S, S" : "H, W", "] of ", kSmallestSide,
                   " pixels a side at least, ", bytes ? "uint8 or " : "", "floating-point, got ",
                   described(pictures), ": give at least one colour picture"));
}

void check(const RotationOptions& options) {
  if (options.steps < 1)
    throw UsageError(text("steps of the classifier: expected at least 1, got ", options.steps));
  if (options.batch < kRotations || options.batch % kRotations != 0)
    throw UsageError(text("batch of the classifier: expected a multiple of ", kRotations, ", got ",
                          options.batch));
}

}  // namespace

RotationClassifier::RotationClassifier(const TensorFile& file) {
  const auto refuse = [](const std::string& expected, const std::string& got) {
    throw Error(text("rotation classifier: expected ", expected, ", got ", got,
                     ": remove its file, it is trained anew then"));
  };
  const auto expected = shapes();
  for (const auto& [name, shape] : expected) {
    const auto found = file.tensors.find(name);
    const auto tensor = found == file.tensors.end() ? at::Tensor() : found->second;
    if (!tensor.defined() || tensor.scalar_type() != at::kFloat || tensor.sizes() != shape)
      refuse(text(name, ", Float ", at::IntArrayRef(shape)), described(tensor));
    if (!at::isfinite(tensor).all().item<bool>())
      refuse(text("finite numbers in ", name), "others");
    weights_[name] = tensor.detach();
  }
  if (file.tensors.size() != expected.size())
    refuse(text(expected.size(), " tensors"), text(file.tensors.size()));
}

at::Tensor RotationClassifier::features(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  check_pictures(pictures, /*bytes=*/false, /*square=*/false);
  std::vector<at::Tensor> parts;
  for (const auto& part : pictures.split(kPicturesAtOnce))
    parts.push_back(features_with(weights_, part.to(weights_.at(kClassBias).device(), at::kFloat)));
  return at::cat(parts);
}

double RotationClassifier::accuracy(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  check_pictures(pictures, /*bytes=*/false, /*square=*/true);
  double told = 0;
  for (std::int64_t k = 0; k < kRotations; ++k) {
    const auto logits = at::linear(features(pictures.rot90(k, {2, 3})), weights_.at(kClasses),
                                   weights_.at(kClassBias));
    told += (logits.argmax(1) == k).to(at::kDouble).sum().item<double>();
  }
  return told / static_cast<double>(kRotations * pictures.size(0));
}

RotationClassifier train_rotation_classifier(const at::Tensor& pictures,
                                             const RotationOptions& options,
                                             const at::Generator& generator) {
  check(options);
  check_pictures(pictures, /*bytes=*/true, /*square=*/true);
  const at::AutoGradMode with_gradient(true);  // whoever measures has it off
  const auto weights = random_weights(generator);
  Optimiser optimiser(weights, {.lr = options.learning_rate, .clip = 1.0});
  const Schedule schedule{.kind = ScheduleKind::cosine, .span = options.steps, .floor = 0.01};
  const auto labels =
      at::arange(kRotations, at::kLong).repeat_interleave(options.batch / kRotations);
  ProgressLine progress("classifier", "steps", options.steps);
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const auto chosen =
        at::randint(pictures.size(0), {options.batch}, generator, at::TensorOptions(at::kLong));
    const auto mirrored = at::rand({options.batch, 1, 1, 1}, generator, at::kFloat) < 0.5;
    const auto batch = in_unit_range(pictures.index_select(0, chosen));
    const auto input = rotated_parts(at::where(mirrored, batch.flip(3), batch));
    optimiser.set_learning_rate(options.learning_rate * schedule.factor(step));
    const auto loss = at::cross_entropy_loss(logits_with(weights, input), labels);
    optimiser.backward_and_step(loss);
    progress.update(step + 1);
  }
  return RotationClassifier(TensorFile{weights, {}});
}

}  // namespace neurosplat
