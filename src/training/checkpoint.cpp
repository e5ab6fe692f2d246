#include "neurosplat/training/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <sstream>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKept = 2;
const std::string kSum = "sum.", kTerms = "terms", kKind = "kind";

/// Exact text of a double, and back.
std::string exact(double value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end.ptr};
}

template <class Number>
std::optional<Number> parsed(const TensorFile& state, const std::string& key) {
  const auto found = state.metadata.find(key);
  if (found == state.metadata.end()) return std::nullopt;
  Number value{};
  const auto& digits = found->second;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end.ec == std::errc() && end.ptr == digits.data() + digits.size()) return value;
  return std::nullopt;
}

[[noreturn]] void misses(const std::string& key) {
  throw Error(text("expected a training state with '", printable(key), "' in its metadata"));
}

std::int64_t count(const TensorFile& state, const std::string& key) {
  const auto value = parsed<std::int64_t>(state, key);
  if (!value || *value < 0) misses(key);
  return *value;
}

/// The terms stand in their order under `terms`, a comma between them.
void write_sums(const Figures& sums, TensorFile& state) {
  std::vector<std::string> names;
  for (const auto& [name, value] : sums) {
    state.metadata[kSum + name] = exact(value);
    names.push_back(name);
  }
  if (!names.empty()) state.metadata[kTerms] = list_of(names);
}

Figures read_sums(const TensorFile& state) {
  Figures sums;
  const auto terms = state.metadata.find(kTerms);
  if (terms == state.metadata.end()) return sums;
  for (const auto& name : words_of(terms->second)) {
    const auto sum = number_in(state, kSum + name);
    if (!sum) misses(kSum + name);
    sums.emplace_back(name, *sum);
  }
  return sums;
}

TrainingPosition position_of(const TensorFile& state) {
  return {.epoch = count(state, "epoch"),
          .batch = count(state, "batch"),
          .step = count(state, "step"),
          .sums = read_sums(state)};
}

}  // namespace

std::optional<double> number_in(const TensorFile& state, const std::string& key) {
  return parsed<double>(state, key);
}

void check_kind(const TensorFile& state, const std::string& kind) {
  const auto found = state.metadata.find(kKind);
  if (found == state.metadata.end() || found->second == kind) return;
  throw Error(
      text("expected a training state of ", kind, ", got one of ", printable(found->second)));
}

CheckpointFolder::CheckpointFolder(const fs::path& run_folder)
    : folder_(run_folder / "checkpoints") {}

void CheckpointFolder::save(TensorFile state, const TrainingPosition& position) const {
  std::error_code failure;
  fs::create_directories(folder_, failure);
  if (failure) throw Error(text(folder_.string(), ": cannot make it: ", failure.message()));
  state.metadata["epoch"] = std::to_string(position.epoch);
  state.metadata["batch"] = std::to_string(position.batch);
  state.metadata["step"] = std::to_string(position.step);
  write_sums(position.sums, state);
  char name[48];
  std::snprintf(name, sizeof name, "step-%08lld.safetensors",
                static_cast<long long>(position.step));
  write_safetensors(folder_ / name, state);
  const auto all = list();
  for (std::size_t i = 0; i + kKept < all.size(); ++i) fs::remove(all[i], failure);
}

std::optional<CheckpointFolder::Loaded> CheckpointFolder::load_newest() const {
  auto all = list();
  std::reverse(all.begin(), all.end());
  for (const auto& path : all) {
    try {
      TensorFile state = read_safetensors(path);
      const auto position = position_of(state);
      return Loaded{std::move(state), position, path};
    } catch (const Error& error) {
      log::warn(text(path.string(), ": checkpoint left out: ", error.what()));
    }
  }
  if (all.empty()) return std::nullopt;
  throw Error(text(folder_.string(), ": none of its ", all.size(), " checkpoints can be read"));
}

fs::path CheckpointFolder::newest() const {
  const auto all = list();
  return all.empty() ? fs::path() : all.back();
}

std::vector<fs::path> CheckpointFolder::list() const {
  std::vector<fs::path> found;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder_, failure)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".safetensors")) found.push_back(entry.path());
  }
  // Longer numbers come later, whatever the padding.
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    const auto left = a.filename().string(), right = b.filename().string();
    return left.size() != right.size() ? left.size() < right.size() : left < right;
  });
  return found;
}

}  // namespace neurosplat
