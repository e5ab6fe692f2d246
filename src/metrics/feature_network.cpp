#include "neurosplat/metrics/feature_network.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

/// Of TensorFlow's batch norms, larger than PyTorch's default.
constexpr double kNormEpsilon = 1e-3;
/// A picture takes some 5 MB in the widest layer.
constexpr std::int64_t kPicturesAtOnce = 16;

struct Stage {
  std::int64_t expansion, channels, repeats, stride, kernel;
};
constexpr std::int64_t kStemChannels = 32;
constexpr std::array<Stage, 7> kStages = {{{1, 16, 1, 1, 3},
                                           {6, 24, 2, 2, 3},
                                           {6, 40, 2, 2, 5},
                                           {6, 80, 3, 2, 3},
                                           {6, 112, 3, 1, 5},
                                           {6, 192, 4, 2, 5},
                                           {6, 320, 1, 1, 3}}};

std::string described(const at::Tensor& tensor) {
  if (!tensor.defined()) return "nothing";
  return text(tensor.scalar_type(), " ", tensor.sizes());
}

/// Names come from a file and may hold anything; errors are one line.
std::string one_line(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return name.substr(0, 100);
}

void check_prepared(const at::Tensor& prepared, const at::Tensor& weight) {
  constexpr auto kSide = FeatureNetwork::kSide;
  if (prepared.defined() && prepared.scalar_type() == at::kFloat && prepared.dim() == 4 &&
      prepared.size(0) > 0 && prepared.sizes().slice(1) == at::IntArrayRef({3, kSide, kSide}) &&
      prepared.device() == weight.device())
    return;
  throw Error(text("expected prepared pictures, Float [B, 3, ", kSide, ", ", kSide, "] on ",
                   weight.device(), ", got ", described(prepared),
                   prepared.defined() ? text(" on ", prepared.device()) : "",
                   ": give what FeatureNetwork::prepare() returns"));
}

void check_scaled(const at::Tensor& scaled, const at::Tensor& weight) {
  constexpr std::int64_t kMultiple = 32;
  if (scaled.defined() && scaled.scalar_type() == at::kFloat && scaled.dim() == 4 &&
      scaled.numel() > 0 && scaled.size(1) == 3 && scaled.size(2) % kMultiple == 0 &&
      scaled.size(3) % kMultiple == 0 && scaled.device() == weight.device())
    return;
  throw Error(text("expected pictures, Float [B, 3, H, W] on ", weight.device(),
                   ", sides multiples of ", kMultiple, ", got ", described(scaled),
                   scaled.defined() ? text(" on ", scaled.device()) : "",
                   ": give pictures of such a size"));
}

void check_blocks(const std::vector<std::int64_t>& blocks) {
  std::int64_t least = 0;
  for (const auto block : blocks) {
    if (block < least || block >= FeatureNetwork::kBlocks)
      throw Error(text("expected ascending blocks in [0, ", FeatureNetwork::kBlocks, "), got ",
                       block, ": name each once"));
    least = block + 1;
  }
}

template <typename Function>
at::Tensor in_slices(const at::Tensor& prepared, const Function& function) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < prepared.size(0); begin += kPicturesAtOnce)
    parts.push_back(
        function(prepared.narrow(0, begin, std::min(kPicturesAtOnce, prepared.size(0) - begin))));
  return at::cat(parts);
}

}  // namespace

/// The file's tensors, each handed out once.
class FeatureNetwork::Weights {
 public:
  Weights(const fs::path& file, const at::Device& device)
      : file_(file.string()), device_(device), tensors_(read_safetensors(file).tensors) {}

  at::Tensor take(const std::string& name, at::IntArrayRef shape) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) refuse(text(name, ", Float ", shape), "no such tensor");
    const at::Tensor tensor = found->second;
    if (tensor.scalar_type() != at::kFloat || tensor.sizes() != shape)
      refuse(text(name, ", Float ", shape), described(tensor));
    tensors_.erase(found);
    return tensor;
  }

  /// A convolution and the batch norm after it, folded in double precision.
  Convolution convolution(const std::string& name, const std::string& norm, std::int64_t outputs,
                          std::int64_t inputs, std::int64_t kernel, std::int64_t stride = 1,
                          std::int64_t groups = 1) {
    const at::Tensor weight =
        take(name + ".weight", {outputs, inputs / groups, kernel, kernel}).to(at::kDouble);
    const at::Tensor variance = take(norm + ".running_var", {outputs}).to(at::kDouble);
    const at::Tensor scale =
        take(norm + ".weight", {outputs}).to(at::kDouble) / (variance + kNormEpsilon).sqrt();
    const at::Tensor shift = take(norm + ".bias", {outputs}).to(at::kDouble) -
                             take(norm + ".running_mean", {outputs}).to(at::kDouble) * scale;
    return {finite(weight * scale.view({-1, 1, 1, 1}), name), finite(shift, norm), stride, groups};
  }

  at::Tensor finite(const at::Tensor& tensor, const std::string& name) const {
    at::Tensor numbers = tensor.to(at::kFloat);
    if (!at::isfinite(numbers).all().item<bool>())
      refuse(text("finite numbers and variances of at least 0 in ", name), "others");
    return numbers.to(device_);
  }

  void expect_no_more() const {
    for (const auto& [name, tensor] : tensors_)
      if (!name.ends_with(".num_batches_tracked"))
        refuse("the tensors of EfficientNet-Lite0 only", text("'", one_line(name), "' too"));
  }

 private:
  [[noreturn]] void refuse(const std::string& expected, const std::string& got) const {
    throw Error(text(file_, ": expected ", expected, ", got ", got,
                     ": remove it and make it again with scripts/setup.sh --features"));
  }

  std::string file_;
  at::Device device_;
  std::map<std::string, at::Tensor> tensors_;
};

at::Tensor FeatureNetwork::Convolution::operator()(const at::Tensor& input) const {
  using Pair = std::array<std::int64_t, 2>;
  const std::int64_t kernel = weight.size(-1);
  const auto convolve = [&](const at::Tensor& values, std::int64_t around) {
    return at::conv2d(values, weight, bias, Pair{stride, stride}, Pair{around, around}, Pair{1, 1},
                      groups);
  };
  if (stride == 1) return convolve(input, kernel / 2);
  // TensorFlow's "same" of stride 2 and even sides has one zero more at the end.
  const std::int64_t before = (kernel - 2) / 2;
  const std::int64_t after = (kernel - 1) / 2;
  return convolve(at::constant_pad_nd(input, {before, after, before, after}), 0);
}

at::Tensor FeatureNetwork::Block::operator()(const at::Tensor& input) const {
  at::Tensor values = expand ? at::hardtanh((*expand)(input), 0, 6) : input;
  values = project(at::hardtanh(depthwise(values), 0, 6));
  return residual ? values + input : values;
}

FeatureNetwork::FeatureNetwork(const fs::path& file, const at::Device& device) {
  const c10::NoGradGuard no_grad;
  Weights weights(file, device);
  stem_ = weights.convolution("_conv_stem", "_bn0", kStemChannels, 3, 3, 2);
  read_blocks(weights);
  head_ = weights.convolution("_conv_head", "_bn1", kFeatures, kStages.back().channels, 1);
  class_weight_ = weights.finite(weights.take("_fc.weight", {kClasses, kFeatures}), "_fc.weight");
  class_bias_ = weights.finite(weights.take("_fc.bias", {kClasses}), "_fc.bias");
  weights.expect_no_more();
}

void FeatureNetwork::read_blocks(Weights& weights) {
  std::int64_t inputs = kStemChannels;
  for (const Stage& stage : kStages) {
    for (std::int64_t repeat = 0; repeat < stage.repeats; ++repeat) {
      const std::string name = text("_blocks.", blocks_.size(), ".");
      const std::int64_t wide = inputs * stage.expansion;
      const std::int64_t stride = repeat == 0 ? stage.stride : 1;
      Block block{};
      if (stage.expansion != 1)
        block.expand = weights.convolution(name + "_expand_conv", name + "_bn0", wide, inputs, 1);
      block.depthwise = weights.convolution(name + "_depthwise_conv", name + "_bn1", wide, wide,
                                            stage.kernel, stride, wide);
      block.project =
          weights.convolution(name + "_project_conv", name + "_bn2", stage.channels, wide, 1);
      block.residual = stride == 1 && inputs == stage.channels;
      blocks_.push_back(std::move(block));
      inputs = stage.channels;
    }
  }
}

at::Tensor FeatureNetwork::prepare(const at::Tensor& pictures) const {
  if (!pictures.defined() || !pictures.is_floating_point() || pictures.dim() != 4 ||
      pictures.size(1) != 3 || pictures.numel() == 0)
    throw Error(text("expected pictures [B, 3, H, W], floating-point in [0, 1], got ",
                     described(pictures), ": give at least one colour picture"));
  const std::int64_t height = pictures.size(2);
  const std::int64_t width = pictures.size(3);
  const std::int64_t shorter = std::min(height, width);
  const std::array<std::int64_t, 2> size = {height * kSide / shorter, width * kSide / shorter};
  const auto scaled = at::_upsample_bicubic2d_aa(pictures.to(stem_.weight.device(), at::kFloat),
                                                 size, /*align_corners=*/false);
  const auto centre =
      scaled.narrow(2, (size[0] - kSide) / 2, kSide).narrow(3, (size[1] - kSide) / 2, kSide);
  return FeatureNetwork::scaled(centre);
}

at::Tensor FeatureNetwork::scaled(const at::Tensor& pictures) {
  return (pictures * 255.0 - 127.0) / 128.0;
}

std::vector<at::Tensor> FeatureNetwork::block_maps(const at::Tensor& scaled,
                                                   const std::vector<std::int64_t>& blocks) const {
  check_blocks(blocks);
  check_scaled(scaled, stem_.weight);
  std::vector<at::Tensor> maps;
  auto values = at::hardtanh(stem_(scaled.contiguous(at::MemoryFormat::ChannelsLast)), 0, 6);
  for (std::int64_t number = 0; maps.size() < blocks.size(); ++number) {
    values = blocks_[static_cast<std::size_t>(number)](values);
    if (number == blocks[maps.size()]) maps.push_back(values);
  }
  return maps;
}

at::Tensor FeatureNetwork::maps(const at::Tensor& prepared) const {
  check_prepared(prepared, stem_.weight);
  // Channels last takes 0.6 of the time on a CPU.
  const auto last = prepared.contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor values = at::hardtanh(stem_(last), 0, 6);
  for (const Block& block : blocks_) values = block(values);
  return at::hardtanh(head_(values), 0, 6);
}

at::Tensor FeatureNetwork::pooled(const at::Tensor& prepared) const {
  check_prepared(prepared, stem_.weight);
  return in_slices(prepared, [&](const at::Tensor& part) { return maps(part).mean({2, 3}); });
}

at::Tensor FeatureNetwork::logits(const at::Tensor& prepared) const {
  const c10::NoGradGuard no_grad;
  return at::linear(pooled(prepared), class_weight_, class_bias_);
}

fs::path feature_network_file() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  fs::path file = variable("NEUROSPLAT_FEATURES");
  if (file.empty()) {
    const fs::path cache = variable("XDG_CACHE_HOME");
    file = (cache.empty() ? variable("HOME") / ".cache" : cache) / "neurosplat" /
           "efficientnet-lite0.safetensors";
  }
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored))
    throw Error(text("expected the feature network's weights in ", file.string(),
                     ", found no file: scripts/setup.sh --features makes it"));
  return file;
}

}  // namespace neurosplat
