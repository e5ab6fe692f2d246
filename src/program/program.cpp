#include "neurosplat/program/program.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <new>
#include <string_view>
#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/memory.h"
#include "neurosplat/core/text.h"
#include "program/completion.h"

namespace neurosplat::apps {
namespace {

constexpr int kFailed = 1, kBadUsage = 2;

/// `--image_size=64` to `--image-size=64`; values keep their underscores.
std::string with_hyphens(std::string argument) {
  if (!argument.starts_with("--")) return argument;
  const auto end = std::min(argument.find('='), argument.size());
  std::replace(argument.begin(), argument.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
  return argument;
}

std::string one_line(std::string message) {
  const auto end = message.find_last_not_of('\n');
  message.resize(end == std::string::npos ? 0 : end + 1);
  std::replace(message.begin(), message.end(), '\n', ' ');
  return message;
}

/// `written` without a plus sign before a number.
std::string_view without_plus(std::string_view written) {
  const bool plus = written.size() > 1 && written[0] == '+' && written[1] != '-';
  return written.substr(plus ? 1 : 0);
}

template <class Number>
std::errc parse(std::string_view written, Number& number) {
  const char* end = written.data() + written.size();
  const auto parsed = std::from_chars(written.data(), end, number);
  return parsed.ptr == end ? parsed.ec : std::errc::invalid_argument;
}

/// What is wrong with an integer, or nothing. CLI11 would read 010 as octal, so that is refused.
template <class Integer>
std::string fault_of_integer(const std::string& argument) {
  const auto written = without_plus(argument);
  Integer number{};
  const auto fault = parse(written, number);
  if (fault == std::errc::result_out_of_range) {
    using Limits = std::numeric_limits<Integer>;
    return text("expected an integer from ", Limits::min(), " to ", Limits::max(), ", got ",
                argument);
  }
  if (fault != std::errc{}) return text("expected a decimal integer, got ", argument);
  const auto digits = written.substr(written.starts_with('-') ? 1 : 0);
  if (digits.size() > 1 && digits.starts_with('0')) {
    return text("expected a decimal integer, got ", argument, ": leave out the leading zeros");
  }
  return {};
}

std::string fault_of_float(const std::string& argument) {
  double number = 0;
  const auto fault = parse(without_plus(argument), number);
  if (fault == std::errc::result_out_of_range) {
    return text("expected a decimal number within the range of a double, got ", argument);
  }
  if (fault == std::errc{} && std::isfinite(number)) return {};
  return text("expected a finite decimal number, got ", argument);
}

/// Without a description, so that --help stays as it is.
void expect_decimal_numbers(CLI::Option& option) {
  const auto type = option.get_type_name();
  if (type == "INT") option.check(fault_of_integer<std::int64_t>);
  if (type == "UINT") option.check(fault_of_integer<std::uint64_t>);
  if (type == "FLOAT") option.check(fault_of_float);
}

int report(int code, const std::string& message) {
  log::error(one_line(message));
  return code;
}

int guarded(const std::function<int()>& work) {
  try {
    return work();
  } catch (const UsageError& error) {
    return report(kBadUsage, error.what());
  } catch (const Error& error) {
    return report(kFailed, error.what());
  } catch (const c10::Error& error) {
    return report(kFailed, error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return report(kFailed, "out of memory; try smaller sizes or a smaller batch");
  } catch (const std::exception& error) {
    return report(kFailed, error.what());
  }
}

}  // namespace

Program::Program(const std::string& name, const std::string& description, int argc, char** argv)
    : app_(description, name) {
  for (int i = 1; i < argc; ++i) arguments_.push_back(with_hyphens(argv[i]));
  app_.set_version_flag("--version", std::string("neurosplat ") + NEUROSPLAT_VERSION);
  app_.require_subcommand(1);
}

CLI::App& Program::add(const std::string& name, const std::string& description,
                       std::function<int()> action) {
  auto& subcommand = *app_.add_subcommand(name, description);
  subcommand.callback([this, action = std::move(action)] { chosen_ = action; });
  return subcommand;
}

int Program::run() {
  std::string shell;
  add("completion", "Print the script that has a shell's Tab key complete this program.",
      [&] {
        std::fputs(completion_script(app_, shell).c_str(), stdout);
        return 0;
      })
      .add_option("shell", shell, "bash, zsh or fish")
      ->required();
  for (auto* subcommand : app_.get_subcommands({})) {
    for (auto* option : subcommand->get_options()) {
      expect_decimal_numbers(*option);
      // An option given twice counts as given last, as shells and scripts expect.
      if (option->get_expected_max() > 1) continue;
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
  try {
    std::vector<std::string> reversed(arguments_.rbegin(), arguments_.rend());
    app_.parse(reversed);
  } catch (const CLI::Success& asked) {  // help, version
    return app_.exit(asked);
  } catch (const CLI::ParseError& error) {
    return report(kBadUsage, std::string(error.what()) + "; see " + app_.get_name() + " --help");
  }
  return chosen_();
}

int run_program(Program& program, const std::function<void(Program&)>& set_up) {
  keep_freed_memory();
  return guarded([&] {
    set_up(program);
    return program.run();
  });
}

}  // namespace neurosplat::apps
