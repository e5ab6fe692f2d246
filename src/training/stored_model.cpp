#include "neurosplat/training/stored_model.h"

#include <charconv>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/io/torch_checkpoint.h"
#include "training/model_card.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

const std::string kKind = "model";

fs::path file_of(const fs::path& path, const std::vector<std::string>& names) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw Error(text(path.string(),
                     ": no such file or folder; expected a run folder, a .safetensors file or a "
                     "PyTorch ",
                     names.back()));
  }
  if (!fs::is_directory(path, ignored)) return path;
  for (const auto& name : names) {
    if (fs::exists(path / name, ignored)) return path / name;
  }
  throw Error(text(path.string(), ": expected a run folder with ", names.front(), " in it"));
}

template <class Number>
void read_any_number(const std::map<std::string, std::string>& metadata, const std::string& key,
                     Number& into) {
  const auto& said = described(metadata, key);
  const auto* end = said.data() + said.size();
  const auto [stopped, fault] = std::from_chars(said.data(), end, into);
  if (fault != std::errc() || stopped != end) {
    throw Error(text("metadata: expected a number as '", key, "', got '", printable(said), "'"));
  }
}

}  // namespace

StoredModel read_stored_model(const fs::path& path, const std::vector<std::string>& names) {
  StoredModel stored;
  stored.file = file_of(path, names);
  check_card(stored.file);
  const auto extension = stored.file.extension();
  if (extension == ".pt" || extension == ".pth") {
    stored.tensors = read_torch_state_dict(stored.file);
  } else {
    auto file = read_safetensors(stored.file);
    stored.tensors = std::move(file.tensors);
    stored.metadata = std::move(file.metadata);
  }
  return stored;
}

void expect_kind(const StoredModel& stored, const std::string& kind) {
  const auto found = stored.metadata.find(kKind);
  if (found == stored.metadata.end() || found->second == kind) return;
  throw Error(text(stored.file.string(), ": expected a model of ", kind, ", it holds one of ",
                   printable(found->second)));
}

void expect_numbers(const StoredModel& stored, std::int64_t at_least) {
  std::int64_t numbers = 0;
  for (const auto& [name, tensor] : stored.tensors) numbers += tensor.numel();
  if (numbers >= at_least) return;
  throw Error(text("expected at least ", at_least, " numbers for the sizes in its metadata, got ",
                   numbers, ": the file is damaged or not whole"));
}

std::map<std::string, std::string> model_metadata(const std::string& kind,
                                                  std::map<std::string, std::string> more) {
  more[kKind] = kind;
  more["neurosplat_version"] = NEUROSPLAT_VERSION;
  return more;
}

const std::string& described(const std::map<std::string, std::string>& metadata,
                             const std::string& key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    throw Error(text("expected '", key, "' in the file's metadata, found none"));
  }
  return found->second;
}

void read_number(const std::map<std::string, std::string>& metadata, const std::string& key,
                 std::int64_t& into) {
  read_any_number(metadata, key, into);
}

void read_number(const std::map<std::string, std::string>& metadata, const std::string& key,
                 double& into) {
  read_any_number(metadata, key, into);
}

}  // namespace neurosplat
