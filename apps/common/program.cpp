#include "common/program.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/memory.h"

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
  // An option given twice counts as given last, as shells and scripts expect.
  for (auto* subcommand : app_.get_subcommands({})) {
    for (auto* option : subcommand->get_options()) {
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
