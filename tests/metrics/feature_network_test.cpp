#include "neurosplat/metrics/feature_network.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <string>

#include "metrics/feature_weights.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

at::Tensor random_pictures(at::IntArrayRef shape) {
  auto generator = at::detail::createCPUGenerator(12);
  return at::rand(shape, generator, at::kFloat);
}

/// The network as the paper has it: batch norms of their own, in double precision.
class PlainNetwork {
 public:
  explicit PlainNetwork(const TensorFile& file) : tensors_(file.tensors) {}

  at::Tensor maps(const at::Tensor& prepared) const {
    return at::relu6(
        layer(block_map(prepared, testing::kFeatureBlocks.size() - 1), "_conv_head", "_bn1", 1));
  }

  at::Tensor block_map(const at::Tensor& scaled, std::size_t last) const {
    auto values = at::relu6(layer(scaled.to(at::kDouble), "_conv_stem", "_bn0", 2));
    for (std::size_t number = 0; number <= last; ++number)
      values = block(values, text("_blocks.", number, "."), testing::kFeatureBlocks.at(number));
    return values;
  }

  at::Tensor tensor(const std::string& name) const { return tensors_.at(name).to(at::kDouble); }

 private:
  at::Tensor block(const at::Tensor& input, const std::string& name,
                   const testing::FeatureBlock& block) const {
    auto values = input;
    if (block.wide != block.inputs)
      values = at::relu6(layer(values, name + "_expand_conv", name + "_bn0", 1));
    values = at::relu6(layer(values, name + "_depthwise_conv", name + "_bn1", block.stride));
    values = layer(values, name + "_project_conv", name + "_bn2", 1);
    return block.stride == 1 && block.inputs == block.outputs ? values + input : values;
  }

  /// "Same" padding as TensorFlow defines it, for any side.
  at::Tensor layer(const at::Tensor& input, const std::string& name, const std::string& norm,
                   std::int64_t stride) const {
    const auto weight = tensor(name + ".weight");
    const auto side = input.size(-1);
    const auto padding = std::max<std::int64_t>(
        0, ((side + stride - 1) / stride - 1) * stride + weight.size(-1) - side);
    const auto before = padding / 2;
    const auto padded =
        at::constant_pad_nd(input, {before, padding - before, before, padding - before});
    const auto values = at::conv2d(padded, weight, {}, at::IntArrayRef(stride), at::IntArrayRef(0),
                                   at::IntArrayRef(1), input.size(1) / weight.size(1));
    return at::batch_norm(values, tensor(norm + ".weight"), tensor(norm + ".bias"),
                          tensor(norm + ".running_mean"), tensor(norm + ".running_var"),
                          /*training=*/false, 0.1, 1e-3, /*cudnn_enabled=*/false);
  }

  std::map<std::string, at::Tensor> tensors_;
};

class FeatureNetworkTest : public ::testing::Test {
 protected:
  fs::path written(const TensorFile& weights) const {
    auto file = folder_ / "weights.safetensors";
    write_safetensors(file, weights);
    return file;
  }

  testing::TemporaryFolder folder_;
  TensorFile weights_ = testing::random_feature_weights();
};

double distance(const at::Tensor& one, const at::Tensor& other) {
  EXPECT_EQ(one.sizes(), other.sizes());
  return (one.to(at::kDouble) - other.to(at::kDouble)).abs().max().item<double>();
}

TEST_F(FeatureNetworkTest, AgreesWithBatchNormsOfTheirOwn) {
  const FeatureNetwork network(written(weights_));
  const PlainNetwork plain(weights_);
  const auto prepared = network.prepare(random_pictures({2, 3, 224, 224}));
  const auto maps = plain.maps(prepared);
  EXPECT_GT(maps.std().item<double>(), 0.1);
  EXPECT_LT(distance(network.maps(prepared), maps), 1e-3);
  const auto pooled = maps.mean({2, 3});
  EXPECT_LT(distance(network.pooled(prepared), pooled), 1e-4);
  const auto logits = at::linear(pooled, plain.tensor("_fc.weight"), plain.tensor("_fc.bias"));
  EXPECT_LT(distance(network.logits(prepared), logits), 1e-3);
}

TEST_F(FeatureNetworkTest, GivesTheMapsOfBlocks) {
  const FeatureNetwork network(written(weights_));
  const PlainNetwork plain(weights_);
  const auto pictures = random_pictures({2, 3, 64, 96});
  const auto scaled = FeatureNetwork::scaled(pictures);
  EXPECT_LT(distance(scaled, (pictures * 255.0 - 127.0) / 128.0), 1e-6);
  const auto maps = network.block_maps(scaled, {0, 4, 15});
  ASSERT_EQ(maps.size(), 3U);
  ASSERT_EQ(maps[0].sizes(), at::IntArrayRef({2, 16, 32, 48}));
  ASSERT_EQ(maps[2].sizes(), at::IntArrayRef({2, 320, 2, 3}));
  EXPECT_LT(distance(maps[0], plain.block_map(scaled, 0)), 1e-4);
  EXPECT_LT(distance(maps[1], plain.block_map(scaled, 4)), 1e-3);
  EXPECT_LT(distance(maps[2], plain.block_map(scaled, 15)), 1e-3);
  EXPECT_TRUE(network.block_maps(scaled, {}).empty());
  EXPECT_THROW(network.block_maps(scaled, {4, 4}), Error);
  EXPECT_THROW(network.block_maps(scaled, {16}), Error);
  EXPECT_THROW(network.block_maps(scaled, {-1}), Error);
  EXPECT_THROW(network.block_maps(scaled.narrow(3, 0, 80), {0}), Error);
  EXPECT_THROW(network.block_maps(scaled.to(at::kDouble), {0}), Error);
}

TEST_F(FeatureNetworkTest, SeesEachPictureOnItsOwn) {
  const FeatureNetwork network(written(weights_));
  const auto prepared = network.prepare(random_pictures({18, 3, 32, 40}));
  const auto pooled = network.pooled(prepared);
  ASSERT_EQ(pooled.sizes(), at::IntArrayRef({18, 1280}));
  EXPECT_GT(distance(pooled[0], pooled[17]), 1e-2);
  for (const std::int64_t number : {0, 15, 16, 17})
    EXPECT_LT(distance(network.pooled(prepared.narrow(0, number, 1))[0], pooled[number]), 1e-5);
}

TEST_F(FeatureNetworkTest, GradientsOfMapsAreThoseOfThePlainNetwork) {
  const FeatureNetwork network(written(weights_));
  const PlainNetwork plain(weights_);
  const auto prepared = network.prepare(random_pictures({1, 3, 224, 224}));
  const auto gradient = [&](const auto& of) {
    const auto leaf = prepared.detach().clone().requires_grad_();
    of.maps(leaf).square().sum().backward();
    return leaf.grad().to(at::kDouble);
  };
  const auto expected = gradient(plain);
  // Rounding carries a unit over an edge of ReLU6 now and then, and its gradient jumps: PyTorch's
  // own float32 is off by up to 1.3e-2.
  EXPECT_LT((gradient(network) - expected).norm().item<double>(),
            0.05 * expected.norm().item<double>());
}

TEST_F(FeatureNetworkTest, GradientsPassThroughMapsAndPreparationOnly) {
  const FeatureNetwork network(written(weights_));
  const auto pictures = random_pictures({1, 3, 48, 56}).requires_grad_();
  const auto prepared = network.prepare(pictures);
  EXPECT_FALSE(network.pooled(prepared).requires_grad());
  EXPECT_FALSE(network.logits(prepared).requires_grad());
  const auto loss = [&](const at::Tensor& of) { return network.maps(network.prepare(of)).mean(); };
  loss(pictures).backward();
  const auto gradient = pictures.grad();
  ASSERT_TRUE(gradient.defined());
  const double norm = gradient.norm().item<double>();
  ASSERT_GT(norm, 1e-3);
  const auto step = gradient / norm * 0.005;
  const auto plain = pictures.detach();
  const double change = (loss(plain + step) - loss(plain - step)).item<double>() / 0.01;
  EXPECT_NEAR(change, norm, 0.05 * norm);
}

/// Rows of weights that scale `from` pixels to `to`: Keys' cubic with a = -1/2, widened where it
/// shrinks.
at::Tensor bicubic(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const auto keys = [](double x) {
    x = std::abs(x);
    if (x < 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
    return x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
  };
  auto matrix = at::zeros({to, from}, at::kDouble);
  for (std::int64_t i = 0; i < to; ++i)
    for (std::int64_t j = 0; j < from; ++j)
      matrix[i][j] = keys((static_cast<double>(j) + 0.5 - (static_cast<double>(i) + 0.5) * scale) /
                          std::max(scale, 1.0));
  return matrix / matrix.sum(1, true);
}

TEST_F(FeatureNetworkTest, PreparesPicturesOfAnySize) {
  const FeatureNetwork network(written(weights_));
  const auto same = random_pictures({2, 3, 224, 224});
  EXPECT_LT(distance(network.prepare(same), (same * 255.0 - 127.0) / 128.0), 1e-5);
  const auto expect = [&](std::int64_t height, std::int64_t width, std::int64_t scaled_height,
                          std::int64_t scaled_width) {
    const auto pictures = random_pictures({1, 3, height, width}).to(at::kDouble);
    const auto rows = bicubic(height, scaled_height).narrow(0, (scaled_height - 224) / 2, 224);
    const auto columns = bicubic(width, scaled_width).narrow(0, (scaled_width - 224) / 2, 224);
    const auto scaled = at::matmul(at::matmul(rows, pictures), columns.t());
    EXPECT_LT(distance(network.prepare(pictures), (scaled * 255.0 - 127.0) / 128.0), 1e-4);
  };
  expect(300, 451, 224, 336);
  expect(64, 28, 512, 224);
}

/// What the constructor says of weights with one thing wrong.
using Damage = std::function<void(std::map<std::string, at::Tensor>&)>;

TEST_F(FeatureNetworkTest, RefusesWrongWeightsInOneLine) {
  const std::string norm = "_blocks.3._bn1.running_var";
  const std::vector<std::pair<std::string, Damage>> cases = {
      {"_blocks.5._expand_conv.weight, Float [240, 40, 1, 1], got no such tensor",
       [](auto& t) { t.erase("_blocks.5._expand_conv.weight"); }},
      {"_fc.bias, Float [1000], got Float [999]",
       [](auto& t) { t["_fc.bias"] = at::zeros({999}); }},
      {"_conv_stem.weight, Float [32, 3, 3, 3], got Double [32, 3, 3, 3]",
       [](auto& t) { t["_conv_stem.weight"] = t["_conv_stem.weight"].to(at::kDouble); }},
      {"variances of at least 0 in _blocks.3._depthwise_conv",
       [&](auto& t) { t[norm] = t[norm] - 5.0; }},
      {"at least 0 in _fc.weight",
       [](auto& t) { t["_fc.weight"][3][4] = std::numeric_limits<float>::infinity(); }},
      {"got 'more?lines' too", [](auto& t) { t["more\nlines"] = at::zeros({1}); }},
      {"got '_blocks.16._bn0.weight' too",
       [](auto& t) { t["_blocks.16._bn0.weight"] = at::zeros({1}); }}};
  for (const auto& [said, damage] : cases) {
    auto broken = weights_;
    for (auto& [name, tensor] : broken.tensors) tensor = tensor.clone();
    damage(broken.tensors);
    const auto file = written(broken);
    try {
      const FeatureNetwork network(file);
      ADD_FAILURE() << "expected an Error with " << said;
    } catch (const Error& error) {
      const std::string what = error.what();
      EXPECT_NE(what.find(said), std::string::npos) << what;
      EXPECT_TRUE(what.starts_with(file.string() + ": expected ")) << what;
      EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    }
  }
}

TEST_F(FeatureNetworkTest, RefusesOtherFiles) {
  std::ofstream(folder_ / "text") << "no safetensors file";
  EXPECT_THROW(FeatureNetwork{folder_ / "text"}, Error);
  EXPECT_THROW(FeatureNetwork{folder_ / "nothing"}, Error);
}

TEST_F(FeatureNetworkTest, RefusesOtherPictures) {
  const FeatureNetwork network(written(weights_));
  EXPECT_THROW(network.prepare({}), Error);
  EXPECT_THROW(network.prepare(at::zeros({3, 32, 32})), Error);
  EXPECT_THROW(network.prepare(at::zeros({2, 1, 32, 32})), Error);
  EXPECT_THROW(network.prepare(at::zeros({0, 3, 32, 32})), Error);
  EXPECT_THROW(network.prepare(at::zeros({2, 3, 32, 32}, at::kByte)), Error);
  EXPECT_THROW(network.pooled({}), Error);
  EXPECT_THROW(network.pooled(at::zeros({2, 3, 32, 32})), Error);
  EXPECT_THROW(network.logits(at::zeros({0, 3, 224, 224})), Error);
  EXPECT_THROW(network.maps(at::zeros({1, 3, 224, 224}, at::kDouble)), Error);
}

/// An environment variable as it was before, once the object goes.
class Variable {
 public:
  Variable(const char* name, const fs::path& value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(FeatureNetworkFile, IsTheVariablesOrTheCaches) {
  const testing::TemporaryFolder folder;
  const auto make = [&](const fs::path& file) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "weights";
    return file;
  };
  const char* name = "neurosplat/efficientnet-lite0.safetensors";
  const Variable home("HOME", folder / "home");
  const Variable no_cache("XDG_CACHE_HOME", "");
  const Variable nothing("NEUROSPLAT_FEATURES", "");
  try {
    feature_network_file();
    ADD_FAILURE() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("scripts/setup.sh --features"), std::string::npos);
  }
  const auto at_home = make(folder / "home/.cache" / name);
  EXPECT_EQ(feature_network_file(), at_home);
  const Variable cache("XDG_CACHE_HOME", folder / "cache");
  EXPECT_THROW(feature_network_file(), Error);
  const auto cached = make(folder / "cache" / name);
  EXPECT_EQ(feature_network_file(), cached);
  const Variable chosen("NEUROSPLAT_FEATURES", folder / "chosen");
  EXPECT_THROW(feature_network_file(), Error);
  make(folder / "chosen");
  EXPECT_EQ(feature_network_file(), folder / "chosen");
}

}  // namespace
}  // namespace neurosplat
