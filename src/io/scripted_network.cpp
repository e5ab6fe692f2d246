#include "neurosplat/io/scripted_network.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <exception>
#include <system_error>

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
    return network;
  } catch (const std::exception& error) {
    throw Error(text("expected a TorchScript network in ", file.string(),
                     ", got: ", first_line(error), ": save one with torch.jit.save"));
  }
}

}  // namespace

struct ScriptedNetwork::Content {
  torch::jit::Module network;
  std::string name;
};

ScriptedNetwork::ScriptedNetwork(const fs::path& file, const at::Device& device,
                                 const std::vector<std::string>& methods)
    : content_(std::make_shared<Content>(Content{loaded(file, device), file.string()})) {
  for (const auto& method : methods) {
    if (content_->network.find_method(method)) continue;
    throw Error(text("expected a TorchScript network in ", name(), ", got one without ", method,
                     ": save one with torch.jit.save"));
  }
}

const std::string& ScriptedNetwork::name() const {
  return content_->name;
}

std::vector<at::Tensor> ScriptedNetwork::call(const std::string& method,
                                              const std::vector<at::Tensor>& inputs) const {
  std::string sizes;
  for (const auto& input : inputs) sizes += text(sizes.empty() ? "" : " and ", input.sizes());
  try {
    // Calling is not const; nothing of the network changes.
    return tensors_of(content_->network.get_method(method)({inputs.begin(), inputs.end()}));
  } catch (const std::exception& error) {
    throw Error(text(name(), ": expected that ", method, " takes ", sizes,
                     ", got: ", first_line(error), ": script a network that takes those"));
  }
}

std::optional<std::int64_t> ScriptedNetwork::integer(const std::string& name) const {
  if (!content_->network.hasattr(name)) return std::nullopt;
  const auto value = content_->network.attr(name);
  return value.isInt() ? std::optional(value.toInt()) : std::nullopt;
}

std::optional<at::Tensor> ScriptedNetwork::tensor(const std::string& name) const {
  if (!content_->network.hasattr(name)) return std::nullopt;
  const auto value = content_->network.attr(name);
  return value.isTensor() ? std::optional(value.toTensor()) : std::nullopt;
}

}  // namespace neurosplat
