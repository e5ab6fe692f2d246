#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/training/options.h"

namespace neurosplat::apps {

/// The value that follows the last option `name` (`--name value` or `--name=value`), "" for an
/// option without one, nothing when the option is not there.
std::optional<std::string> peek(const std::vector<std::string>& arguments, const std::string& name);

/// Files given by --config and by the run that is resumed come before the flags, which override
/// them: they are looked up before the command line is parsed. `use_smoke_settings` changes the
/// defaults for --smoke.
template <class Config>
void read_files_named_by(const std::vector<std::string>& arguments, Config& config,
                         const std::function<void(Config&)>& use_smoke_settings) {
  namespace fs = std::filesystem;
  if (peek(arguments, "--help") || peek(arguments, "-h")) return;
  if (peek(arguments, "--smoke")) use_smoke_settings(config);
  const auto file = peek(arguments, "--config");
  if (file && !file->empty()) read_options(config, read_json_file(*file), *file);
  const auto resumed = peek(arguments, "--resume");
  if (!resumed) return;
  if (const auto out = peek(arguments, "--out"); out && !out->empty()) config.out = *out;
  if (!resumed->empty() && !fs::is_directory(*resumed)) return;
  const fs::path folder = resumed->empty() ? config.out : fs::path(*resumed);
  if (!file && fs::exists(folder / "config.json")) {
    read_saved_options(config, read_json_file(folder / "config.json"),
                       (folder / "config.json").string());
  }
  config.out = folder;
}

/// A new run never writes over an old one unless asked to: with `overwrite`, what an old run left
/// in `out` is removed, else a UsageError says so.
void prepare_run_folder(const std::filesystem::path& out, bool overwrite);

}  // namespace neurosplat::apps
