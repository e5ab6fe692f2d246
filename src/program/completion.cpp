#include "program/completion.h"

#include <algorithm>
#include <regex>
#include <sstream>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat::apps {
namespace {

enum class Value { none, words, number, file };

struct Completed {
  std::vector<std::string> names;  ///< with hyphens
  std::string help;
  Value value;
  std::vector<std::string> words;
};

struct Command {
  std::string name, help;
  std::vector<Completed> options;
  std::vector<std::string> words;  ///< of its one argument without a name
};

Value value_of(const CLI::Option& option, bool has_words) {
  if (option.get_items_expected_max() == 0) return Value::none;
  if (has_words) return Value::words;
  const auto type = option.get_type_name();
  return type == "INT" || type == "UINT" || type == "FLOAT" ? Value::number : Value::file;
}

Command command_of(const CLI::App& app) {
  Command command{app.get_name(), app.get_description(), {}, {}};
  for (const auto* option : app.get_options()) {
    const auto words = words_listed_in(option->get_description());
    if (!option->nonpositional()) {
      command.words = words;
      continue;
    }
    Completed completed{{}, option->get_description(), value_of(*option, !words.empty()), words};
    for (const auto& name : option->get_lnames()) completed.names.push_back("--" + name);
    for (const auto& name : option->get_snames()) completed.names.push_back("-" + name);
    command.options.push_back(std::move(completed));
  }
  return command;
}

std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> commands;
  for (const auto* subcommand : app.get_subcommands({}))
    commands.push_back(command_of(*subcommand));
  return commands;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

std::string replaced(std::string in, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = in.find(what, at)) != std::string::npos; at += by.size()) {
    in.replace(at, what.size(), by);
  }
  return in;
}

/// `words` as one string of a POSIX shell.
std::string shell_quoted(const std::string& words) {
  return text('\'', replaced(words, "'", "'\\''"), '\'');
}

/// "neurosplat-train" to "_neurosplat_train".
std::string function_of(const std::string& program) {
  return text('_', replaced(program, "-", "_"));
}

std::vector<std::string> names_of(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const auto& command : commands) names.push_back(command.name);
  return names;
}

std::vector<std::string> option_names(const Command& command) {
  std::vector<std::string> names;
  for (const auto& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::string bash_script(const Command& program, const std::vector<Command>& commands) {
  const auto function = function_of(program.name);
  std::ostringstream values, options;
  for (const auto& command : commands) {
    for (const auto& option : command.options) {
      if (option.value == Value::none) continue;
      std::vector<std::string> patterns;
      for (const auto& name : option.names) patterns.push_back(command.name + ":" + name);
      values << "    " << joined(patterns, "|") << ") ";
      if (option.value == Value::words)
        values << "words=" << shell_quoted(joined(option.words, " "));
      values << (option.value == Value::file ? "files=1" : "") << " ;;\n";
    }
    auto offered = option_names(command);
    offered.insert(offered.end(), command.words.begin(), command.words.end());
    options << "    " << command.name << ") names=" << shell_quoted(joined(offered, " "))
            << " ;;\n";
  }
  auto first = names_of(commands);
  for (const auto& name : option_names(program)) first.push_back(name);
  return text(
      "# bash completion of ", program.name, ", made by `", program.name, " completion bash`\n",
      function,
      "() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} names= words= "
      "files=\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    mapfile -t COMPREPLY < <(compgen -W ",
      shell_quoted(joined(first, " ")),
      " -- \"$current\")\n"
      "    return\n"
      "  fi\n"
      "  # --name=value comes as three words.\n"
      "  if [[ $current == = ]]; then\n"
      "    current=\n"
      "  elif [[ $before == = ]]; then\n"
      "    before=${COMP_WORDS[COMP_CWORD-2]}\n"
      "  fi\n"
      "  case ${COMP_WORDS[1]}:$before in\n",
      values.str(),
      "    *)\n"
      "      case ${COMP_WORDS[1]} in\n",
      replaced(options.str(), "    ", "        "),
      "      esac\n"
      "      mapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$current\")\n"
      "      return\n"
      "      ;;\n"
      "  esac\n"
      "  if [[ $words ]]; then  # a list's last word\n"
      "    local head=\n"
      "    [[ $current != *,* ]] || head=${current%,*},\n"
      "    mapfile -t COMPREPLY < <(compgen -P \"$head\" -W \"$words\" -- \"${current##*,}\")\n"
      "  elif [[ $files ]]; then\n"
      "    compopt -o filenames 2>/dev/null\n"
      "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
      "  fi\n"
      "}\n"
      "complete -F ",
      function, " ", program.name, "\n");
}

/// One line for zsh's _arguments.
std::string zsh_option(const Completed& option, const std::string& name) {
  auto help = replaced(replaced(option.help, "[", "\\["), "]", "\\]");
  std::string line = option.names.size() > 1 ? text('(', joined(option.names, " "), ')') : "";
  line +=
      text(name, option.value != Value::none && name.starts_with("--") ? "=" : "", '[', help, ']');
  if (option.value == Value::words) line += text(":word:(", joined(option.words, " "), ')');
  if (option.value == Value::number) line += ":number: ";
  if (option.value == Value::file) line += ":file:_files";
  return shell_quoted(line);
}

std::string zsh_arguments(const Command& command, const std::string& indent) {
  std::string lines;
  for (const auto& option : command.options) {
    for (const auto& name : option.names) {
      lines += " \\\n" + indent + "  " + zsh_option(option, name);
    }
  }
  if (!command.words.empty()) {
    lines +=
        " \\\n" + indent + "  " + shell_quoted(text("1:word:(", joined(command.words, " "), ')'));
  }
  return indent + "_arguments -s" + lines + "\n";
}

std::string zsh_script(const Command& program, const std::vector<Command>& commands) {
  const auto function = function_of(program.name);
  std::string list, cases;
  for (const auto& command : commands) {
    list += "    " + shell_quoted(command.name + ":" + command.help) + "\n";
    cases += "    " + command.name + ")\n" + zsh_arguments(command, "      ") + "      ;;\n";
  }
  return text("#compdef ", program.name, "\n# made by `", program.name, " completion zsh`\n",
              function,
              "() {\n"
              "  local -a commands\n"
              "  commands=(\n",
              list,
              "  )\n"
              "  if (( CURRENT == 2 )); then\n"
              "    _describe command commands\n",
              zsh_arguments(program, "    "),
              "    return\n"
              "  fi\n"
              "  shift words\n"
              "  (( CURRENT-- ))\n"
              "  case $words[1] in\n",
              cases,
              "  esac\n"
              "}\n"
              "if [[ $funcstack[1] == ",
              function,
              " ]]; then\n"
              "  ",
              function,
              " \"$@\"\n"
              "else\n"
              "  compdef ",
              function, " ", program.name,
              "\n"
              "fi\n");
}

/// `words` as one string of fish.
std::string fish_quoted(const std::string& words) {
  return text('\'', replaced(replaced(words, "\\", "\\\\"), "'", "\\'"), '\'');
}

std::string fish_option(const Completed& option) {
  std::string line;
  for (const auto& name : option.names) {
    const bool is_long = name.starts_with("--");
    line += (is_long ? " -l " : " -s ") + name.substr(is_long ? 2 : 1);
  }
  if (option.value == Value::words) line += text(" -x -a ", fish_quoted(joined(option.words, " ")));
  if (option.value == Value::number) line += " -x";
  if (option.value == Value::file) line += " -r -F";
  return line + " -d " + fish_quoted(option.help) + "\n";
}

std::string fish_script(const Command& program, const std::vector<Command>& commands) {
  const auto start = "complete -c " + program.name;
  const auto names = joined(names_of(commands), " ");
  const auto none = start + " -n 'not __fish_seen_subcommand_from " + names + "'";
  std::string lines = "# fish completion of " + program.name + ", made by `" + program.name +
                      " completion fish`\n" + start + " -f\n";
  for (const auto& option : program.options) lines += none + fish_option(option);
  for (const auto& command : commands) {
    lines += none + " -a " + command.name + " -d " + fish_quoted(command.help) + "\n";
    const auto seen = start + " -n '__fish_seen_subcommand_from " + command.name + "'";
    for (const auto& option : command.options) lines += seen + fish_option(option);
    if (!command.words.empty()) {
      lines += seen + " -a " + fish_quoted(joined(command.words, " ")) + "\n";
    }
  }
  return lines;
}

}  // namespace

std::vector<std::string> words_listed_in(const std::string& help) {
  static const std::regex one_of(R"(\(one of ([^()]+)\)$)");
  static const std::regex enumeration(R"((?:^|: )((?:[\w.+-]+, )*[\w.+-]+ or [\w.+-]+)$)");
  static const std::regex word(R"([\w.+-]+)");
  std::smatch found;
  if (!std::regex_search(help, found, one_of) && !std::regex_search(help, found, enumeration)) {
    return {};
  }
  const auto list = found[1].str();
  std::vector<std::string> words;
  for (std::sregex_iterator i(list.begin(), list.end(), word), end; i != end; ++i) {
    if (i->str() != "or") words.push_back(i->str());
  }
  return words;
}

std::string completion_script(const CLI::App& app, const std::string& shell) {
  const auto program = command_of(app);
  const auto commands = commands_of(app);
  if (shell == "bash") return bash_script(program, commands);
  if (shell == "zsh") return zsh_script(program, commands);
  if (shell == "fish") return fish_script(program, commands);
  throw UsageError(text("shell: expected bash, zsh or fish, got '", shell, "'"));
}

}  // namespace neurosplat::apps
