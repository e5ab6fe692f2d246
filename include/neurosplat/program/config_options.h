#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/training/options.h"

namespace neurosplat::apps {

/// "image_size" to "--image-size".
inline std::string option_name(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

/// "threads" and "CPU threads; 0: all cores" to "CPU threads; 0: all cores (0 to 1024)".
template <class Field>
std::string help_of(const Option<Field>& option) {
  const auto range = expected(option.range);
  return range.empty() ? option.help : text(option.help, " (", range, ")");
}

/// One command-line option for each option of `config`, in its group, its present value the
/// default. `aliases` gives some of them a second name, e.g. {"data", "data_dir"}.
template <class Config>
void add_config_options(CLI::App& app, Config& config,
                        const std::map<std::string, std::string>& aliases = {}) {
  visit_options(config, [&](const auto& option) {
    using Field = std::remove_reference_t<decltype(option.field)>;
    std::string names = option_name(option.name);
    if (const auto alias = aliases.find(option.name); alias != aliases.end()) {
      names += "," + option_name(alias->second);
    }
    CLI::Option* added = nullptr;
    if constexpr (std::is_same_v<Field, bool>) {
      names += ",!--no-" + option_name(option.name).substr(2);
      added = app.add_flag(names, option.field, help_of(option));
    } else {
      added = app.add_option(names, option.field, help_of(option))->capture_default_str();
      if constexpr (std::is_same_v<Field, std::vector<std::string>>) added->delimiter(',');
    }
    added->group(option.group);
  });
}

/// Copies the fields whose options were given on the command line.
template <class Config>
void copy_given_options(const CLI::App& app, Config given, Config& into) {
  auto values = write_options(given);
  for (auto value = values.begin(); value != values.end();) {
    const bool was_given = app.get_option(option_name(value.key()))->count() > 0;
    value = was_given ? std::next(value) : values.erase(value);
  }
  read_options(into, values, "command line");
}

/// --amp alone means on, as in the reference.
inline void let_amp_be_a_flag(CLI::App& app, const std::string& default_amp) {
  app.get_option("--amp")
      ->expected(0, 1)
      ->option_text("[off|on|auto]=" + default_amp)
      ->default_str("on");
}

}  // namespace neurosplat::apps
