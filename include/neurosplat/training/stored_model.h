#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace neurosplat {

/// A model as it lies in a file. Loading stays beside the network: a system's own load function
/// takes the tensors.
struct StoredModel {
  std::filesystem::path file;  ///< the file itself, also where a run folder was given
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::string> metadata;  ///< empty for a PyTorch state dict
};

/// Reads a run folder (the first of `names` that is there), a .safetensors file, or a PyTorch state
/// dict (.pt, .pth; see torch_checkpoint.h). Throws Error, one line, also where a card, NAME.json,
/// lies beside NAME.safetensors and is another file's.
StoredModel read_stored_model(const std::filesystem::path& path,
                              const std::vector<std::string>& names);

/// Throws Error, "FILE: expected a splat-vae model, it holds a patch-flow", when the file says that
/// it is of another kind (`model` in its metadata).
void expect_kind(const StoredModel& stored, const std::string& kind);

/// Throws Error when the file's tensors have fewer numbers than `at_least`, which a model of the
/// sizes that its metadata say has in its largest layers. Before the layers are made: a small file
/// must not ask for all memory.
void expect_numbers(const StoredModel& stored, std::int64_t at_least);

/// The metadata of a model file of that kind: `model`, `neurosplat_version` and `more`.
std::map<std::string, std::string> model_metadata(const std::string& kind,
                                                  std::map<std::string, std::string> more);

/// A value that a model file must have in its metadata, as text, or a number of which nothing is
/// left over. Throws Error, one line.
const std::string& described(const std::map<std::string, std::string>& metadata,
                             const std::string& key);
void read_number(const std::map<std::string, std::string>& metadata, const std::string& key,
                 std::int64_t& into);
void read_number(const std::map<std::string, std::string>& metadata, const std::string& key,
                 double& into);

}  // namespace neurosplat
