#include "metrics/feature_weights.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "neurosplat/core/text.h"

namespace neurosplat::testing {
namespace {

class RandomWeights {
 public:
  void convolution(const std::string& name, const std::string& norm, std::int64_t outputs,
                   std::int64_t inputs_of_each, std::int64_t kernel) {
    const auto fan_in = static_cast<double>(inputs_of_each * kernel * kernel);
    file.tensors[name + ".weight"] =
        normal({outputs, inputs_of_each, kernel, kernel}) * std::sqrt(2 / fan_in);
    file.tensors[norm + ".weight"] = normal({outputs}) * 0.1 + 1.0;
    file.tensors[norm + ".bias"] = normal({outputs}) * 0.2;
    file.tensors[norm + ".running_mean"] = normal({outputs}) * 0.2;
    file.tensors[norm + ".running_var"] = normal({outputs}).abs() * 0.2 + 0.9;
    file.tensors[norm + ".num_batches_tracked"] = at::scalar_tensor(7, at::kLong);
  }

  at::Tensor normal(at::IntArrayRef shape) { return at::randn(shape, generator_, at::kFloat); }

  TensorFile file;

 private:
  at::Generator generator_ = at::detail::createCPUGenerator(11);
};

}  // namespace

TensorFile random_feature_weights() {
  RandomWeights weights;
  weights.convolution("_conv_stem", "_bn0", 32, 3, 3);
  for (std::size_t number = 0; number < kFeatureBlocks.size(); ++number) {
    const FeatureBlock& block = kFeatureBlocks.at(number);
    const auto name = text("_blocks.", number, ".");
    if (block.wide != block.inputs)
      weights.convolution(name + "_expand_conv", name + "_bn0", block.wide, block.inputs, 1);
    weights.convolution(name + "_depthwise_conv", name + "_bn1", block.wide, 1, block.kernel);
    weights.convolution(name + "_project_conv", name + "_bn2", block.outputs, block.wide, 1);
  }
  weights.convolution("_conv_head", "_bn1", 1280, 320, 1);
  weights.file.tensors["_fc.weight"] = weights.normal({1000, 1280}) * 0.03;
  weights.file.tensors["_fc.bias"] = weights.normal({1000});
  return weights.file;
}

}  // namespace neurosplat::testing
