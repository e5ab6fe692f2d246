#include "metrics/scripted_features.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

/// LibTorch's messages go on for pages: the last line of an interpreter's, the first of others.
std::string first_line(const std::exception& error) {
  const auto* own = dynamic_cast<const c10::Error*>(&error);
  const std::string what = own != nullptr ? own->what_without_backtrace() : error.what();
  const auto end = what.find_last_not_of("\n ");
  if (end == std::string::npos) return "an unknown error";
  const auto last = what.find_last_of('\n', end);
  const bool interpreted = what.find("TorchScript interpreter") != std::string::npos;
  return interpreted && last != std::string::npos ? what.substr(last + 1, end - last)
                                                  : what.substr(0, what.find('\n'));
}

std::vector<at::Tensor> tensors_of(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  if (value.isTensorList()) return value.toTensorVector();
  std::vector<at::Tensor> tensors;
  if (value.isTuple()) {
    for (const auto& element : value.toTupleRef().elements()) {
      if (!element.isTensor()) return {};
      tensors.push_back(element.toTensor());
    }
  }
  return tensors;
}

void check_maps(const std::string& file, const std::vector<at::Tensor>& maps, std::int64_t count) {
  const auto refuse = [&](const std::string& got) {
    throw Error(text(file, ": expected maps [", count,
                     ", C, ...], floating-point, one or a tuple, ", "got ", got,
                     ": script a network that gives those"));
  };
  if (maps.empty()) refuse("something else");
  for (const auto& map : maps) {
    if (!map.defined() || map.dim() < 2 || map.size(0) != count || map.numel() == 0 ||
        !map.is_floating_point())
      refuse(map.defined() ? text(map.scalar_type(), " ", map.sizes()) : "nothing");
  }
}

torch::jit::Module loaded(const fs::path& file, const at::Device& device) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) {
    throw Error(text("expected a TorchScript network in ", file.string(),
                     ", found no file: save one with torch.jit.save"));
  }
  try {
    auto network = torch::jit::load(file.string(), device);
    network.eval();
    for (auto parameter : network.parameters()) parameter.requires_grad_(false);
    if (network.find_method("forward")) return network;
  } catch (const std::exception& error) {
    throw Error(text("expected a TorchScript network in ", file.string(),
                     ", got: ", first_line(error), ": save one with torch.jit.save"));
  }
  throw Error(text("expected a TorchScript network in ", file.string(),
                   ", got one without forward: save one with torch.jit.save"));
}

}  // namespace

FeatureMaps scripted_features(const fs::path& file, const at::Device& device) {
  // forward() is not const; nothing of the network changes.
  const auto network = std::make_shared<torch::jit::Module>(loaded(file, device));
  return [network, name = file.string()](const at::Tensor& pictures) {
    std::vector<at::Tensor> maps;
    try {
      maps = tensors_of(network->forward({pictures}));
    } catch (const std::exception& error) {
      throw Error(text(name, ": expected maps of pictures ", pictures.sizes(),
                       ", got: ", first_line(error), ": script a network that takes those"));
    }
    check_maps(name, maps, pictures.size(0));
    return maps;
  };
}

}  // namespace neurosplat
