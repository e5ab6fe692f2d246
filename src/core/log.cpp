#include "neurosplat/core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace neurosplat::log {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("neurosplat");
    made->set_pattern("%^%l%$: %v");
    made->flush_on(spdlog::level::info);
    // Standard error that cannot be written to is no place to say so.
    made->set_error_handler([](const std::string&) {});
    return made;
  }();
  return *instance;
}

}  // namespace

void info(const std::string& line) {
  logger().info(line);
}

void warn(const std::string& line) {
  logger().warn(line);
}

void error(const std::string& line) {
  logger().error(line);
}

void keep_quiet() {
  logger().set_level(spdlog::level::err);
}

bool is_quiet() {
  return logger().level() == spdlog::level::err;
}

}  // namespace neurosplat::log
