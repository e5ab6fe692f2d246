#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace neurosplat {

/// What a command reads and what it writes, named before it does either, so that nothing is lost.
/// Options are named without their dashes. Paths are the same when they lead to the same place:
/// through links, `..` and slashes at the end, or as two names of one file. Devices such as
/// /dev/null may be written to by anybody; whether they can be is their writer's matter.
class Outputs {
 public:
  /// With `overwrite`, files that are there may be replaced; what is read never.
  explicit Outputs(bool overwrite) : overwrite_(overwrite) {}

  /// A file, or a folder of pictures with every picture in it. Cameras and empty paths are left
  /// out.
  void reads(const std::string& option, const std::filesystem::path& path);
  /// A file, or a folder of which files of these names are read.
  void reads(const std::string& option, const std::filesystem::path& path,
             const std::vector<std::string>& names);
  /// One file. An empty path is left out.
  void writes(const std::string& option, const std::filesystem::path& file);
  /// Files of these names in a folder that is made where there is none. In a name, ### stands for
  /// one digit or more.
  void writes(const std::string& option, const std::filesystem::path& folder,
              const std::vector<std::string>& names);

  /// Throws UsageError when an output is there already (unless `overwrite`), is what is read or
  /// another output; Error when its folder is missing or cannot be written. Leaves nothing behind.
  void check() const;

 private:
  struct Place {
    std::filesystem::path path;                                   ///< canonical
    std::optional<std::pair<std::uint64_t, std::uint64_t>> file;  ///< device and number, if there
  };
  struct Input {
    std::string option;
    Place place;
    bool is_folder;
  };
  struct Output {
    std::string option;
    std::filesystem::path given;
    Place place;
    std::vector<std::string> names;  ///< none: a file
  };
  /// A file that will be written: one of an output's. A series stands for those that are there.
  struct Target {
    const Output* output;
    std::filesystem::path given;
    Place place;
  };

  static Place place_of(const std::filesystem::path& path);
  static bool same(const Place& a, const Place& b);
  static std::vector<Target> targets_of(const Output& output);

  void check_kind(const Output& output) const;
  void check_inputs(const Output& output, const std::vector<Target>& targets) const;
  void check_others(const std::vector<std::vector<Target>>& targets) const;
  void check_names(const Output& output, const Target& target) const;

  bool overwrite_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
};

/// Whether `name` is `pattern`, with one digit or more in the place of its ###.
bool matches_name(std::string_view pattern, std::string_view name);

/// Removes the files of a series that an earlier run left in `folder` (see Outputs::writes): those
/// that a shorter run would not replace.
void remove_series(const std::filesystem::path& folder, const std::string& name);

}  // namespace neurosplat
