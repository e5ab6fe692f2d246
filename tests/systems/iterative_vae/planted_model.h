#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <map>
#include <string>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat::testing {

/// A model of which every weight matters and inference stays calm.
inline IterativeVae planted_model(const IterativeVaeArchitecture& sizes) {
  IterativeVae model(sizes, 3);
  auto generator = at::detail::createCPUGenerator(11);
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : model.state()) {
    auto value =
        at::randn(tensor.sizes(), generator, at::kFloat) * (name == "decoder.weight" ? 0.05 : 0.3);
    if (name == "prior.log_rate") value = value - 0.5;
    if (name == "log_bias") value = value - 2;
    weights[name] = value;
  }
  model.load_state(weights);
  return model;
}

}  // namespace neurosplat::testing
