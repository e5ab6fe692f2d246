#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace neurosplat::apps {

/// The script that makes a shell's Tab key complete `app`: its subcommands, their options, and the
/// values of these, which are the words that an option's help lists, nothing for numbers, else
/// files. Throws UsageError for another shell.
std::string completion_script(const CLI::App& app, const std::string& shell);

/// The words that a help lists as all there are: "(one of a, b, c)" at its end, or "a, b or c" as
/// the whole of it or after a colon. Empty: it lists none.
std::vector<std::string> words_listed_in(const std::string& help);

}  // namespace neurosplat::apps
