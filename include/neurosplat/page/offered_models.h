#pragma once

// Before any header of ATen: CLI11 would print the defaults of lists with ATen's operator.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/page/live_page.h"

namespace neurosplat::apps {

/// Models of one kind among which a viewer chooses, by the names of their files or run folders.
template <class Model>
class OfferedModels {
 public:
  std::vector<std::filesystem::path> paths;  ///< what an option gave

  /// Reads all of `paths`. Throws what `read` throws, and UsageError for two of one name.
  void load(const std::function<Model(const std::filesystem::path&)>& read) {
    for (const auto& path : paths) {
      const auto file = std::filesystem::absolute(path / "").lexically_normal().parent_path();
      const auto name =
          std::filesystem::is_directory(path) ? file.filename().string() : file.stem().string();
      if (!models_.emplace(name, read(path)).second) {
        throw UsageError(
            text("expected models of different names, got '", name, "' twice: rename one"));
      }
      names_.push_back(name);
    }
  }

  PageChoice choice() const { return {"model", names_}; }
  const Model& of(const std::map<std::string, std::string>& chosen) const {
    return models_.at(chosen.at("model"));
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, Model> models_;
};

}  // namespace neurosplat::apps
