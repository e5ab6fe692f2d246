#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "neurosplat/io/safetensors.h"

/// What tests look at in the folder of a run.
namespace neurosplat::testing {

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Everything below `folder`, as paths from there.
inline std::set<std::string> contents_of(const std::filesystem::path& folder) {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    found.insert(entry.path().lexically_relative(folder).string());
  }
  return found;
}

/// The run's last checkpoint; an empty path where there is none. May be asked while it trains.
inline std::filesystem::path newest_checkpoint(const std::filesystem::path& run) {
  std::filesystem::path newest;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints", failed)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("step-") || !name.ends_with(".safetensors")) continue;
    if (newest.empty() || newest.filename().string() < name) newest = entry.path();
  }
  return newest;
}

/// A whole number of a checkpoint's position: epoch, batch or step.
inline std::int64_t position_of(const std::filesystem::path& checkpoint, const std::string& key) {
  return std::stoll(read_safetensors(checkpoint).metadata.at(key));
}

/// Waits until `happened`, half a minute at most; whether it did.
template <class Happened>
bool wait_until(Happened happened) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < end) {
    if (happened()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

inline bool wait_for_epochs(const std::filesystem::path& run, std::size_t epochs) {
  return wait_until([&] { return lines_of(run / "loss.csv").size() > epochs; });
}

/// The same names, shapes, dtypes and bits; nothing is NaN.
inline void expect_same_tensors(const std::filesystem::path& one,
                                const std::filesystem::path& other) {
  const auto these = read_safetensors(one).tensors, those = read_safetensors(other).tensors;
  EXPECT_EQ(these.size(), those.size()) << one << other;
  for (const auto& [name, tensor] : these) {
    ASSERT_TRUE(those.contains(name)) << name << " is not in " << other;
    ASSERT_EQ(tensor.scalar_type(), those.at(name).scalar_type()) << name;
    EXPECT_TRUE(at::equal(tensor, those.at(name))) << name << " of " << one << " and " << other;
  }
}

/// No lock and no temporary file that a process left behind.
inline void expect_no_leftovers(const std::filesystem::path& run) {
  for (const auto& name : contents_of(run)) {
    const auto file = std::filesystem::path(name).filename().string();
    EXPECT_FALSE(file.starts_with(".") || file.ends_with(".tmp") || file == "run.lock") << name;
  }
}

}  // namespace neurosplat::testing
