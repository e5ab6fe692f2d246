#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace neurosplat {

/// A network that a user scripted and saved with torch.jit.save, as it infers: the code in the file
/// is run. Copies share it.
class ScriptedNetwork {
 public:
  /// Throws Error, one line, for a file that is none and one that lacks one of `methods`.
  ScriptedNetwork(const std::filesystem::path& file, const at::Device& device,
                  const std::vector<std::string>& methods = {"forward"});

  /// What a method gives: one tensor, or those of a list or tuple; nothing for something else.
  /// Throws Error, one line, where it fails.
  std::vector<at::Tensor> call(const std::string& method,
                               const std::vector<at::Tensor>& inputs) const;

  /// An attribute, where the network has one of that type.
  std::optional<std::int64_t> integer(const std::string& name) const;
  std::optional<at::Tensor> tensor(const std::string& name) const;

  const std::string& name() const;  ///< the file's

 private:
  struct Content;
  std::shared_ptr<Content> content_;
};

}  // namespace neurosplat
