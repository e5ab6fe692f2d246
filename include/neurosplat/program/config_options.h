#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "neurosplat/training/options.h"

namespace neurosplat::apps {

/// "image_size" to "--image-size".
inline std::string option_name(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

/// One command-line option for each option of `config`, its present value the default. `aliases`
/// gives some of them a second name, e.g. {"data", "data_dir"}.
template <class Config>
void add_config_options(CLI::App& app, Config& config,
                        const std::map<std::string, std::string>& aliases = {}) {
  visit_options(config, [&](const char* name, auto& field, const char* help) {
    using Field = std::remove_reference_t<decltype(field)>;
    std::string names = option_name(name);
    if (const auto alias = aliases.find(name); alias != aliases.end()) {
      names += "," + option_name(alias->second);
    }
    if constexpr (std::is_same_v<Field, bool>) {
      app.add_flag(names + ",!--no-" + option_name(name).substr(2), field, help);
    } else if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
      app.add_option(names, field, help)->delimiter(',')->capture_default_str();
    } else {
      app.add_option(names, field, help)->capture_default_str();
    }
  });
}

/// Copies the fields whose options were given on the command line.
template <class Config>
void copy_given_options(const CLI::App& app, const Config& given, Config& into) {
  visit_options(into, [&](const char* name, auto& field, const char*) {
    if (app.get_option(option_name(name))->count() == 0) return;
    visit_options(given, [&](const std::string& other, const auto& value, const char*) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>,
                                   std::remove_cvref_t<decltype(field)>>) {
        if (other == name) field = value;
      }
    });
  });
}

/// --amp alone means on, as in the reference.
inline void let_amp_be_a_flag(CLI::App& app, const std::string& default_amp) {
  app.get_option("--amp")
      ->expected(0, 1)
      ->option_text("[off|on|auto]=" + default_amp)
      ->default_str("on");
}

}  // namespace neurosplat::apps
