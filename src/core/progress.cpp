#include "neurosplat/core/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "neurosplat/core/log.h"

namespace neurosplat {
namespace {

constexpr int kBarWidth = 24;
constexpr auto kInterval = std::chrono::milliseconds(100);

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<long long>(std::max(0.0, seconds) + 0.5);
  char buffer[64];
  if (whole >= 3600) {
    std::snprintf(buffer, sizeof buffer, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  } else {
    std::snprintf(buffer, sizeof buffer, "%lld:%02lld", whole / 60, whole % 60);
  }
  return buffer;
}

ProgressLine::ProgressLine(std::string title, std::string unit, std::int64_t total,
                           std::int64_t done)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(std::max<std::int64_t>(total, 1)),
      first_(done),
      start_(Clock::now()),
      terminal_(isatty(STDERR_FILENO) != 0 && !log::is_quiet()) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::update(std::int64_t done, const std::string& note) {
  const auto now = Clock::now();
  if (!terminal_ || (visible_ && now - drawn_ < kInterval && done < total_)) return;
  drawn_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double rate = elapsed > 0 ? static_cast<double>(done - first_) / elapsed : 0;
  const double left = rate > 0 ? static_cast<double>(total_ - done) / rate : 0;
  const auto filled =
      static_cast<std::size_t>(std::clamp<std::int64_t>(kBarWidth * done / total_, 0, kBarWidth));
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, " %lld/%lld  %.1f ", static_cast<long long>(done),
                static_cast<long long>(total_), rate);
  std::string line = title_ + " [" + std::string(filled, '#') +
                     std::string(kBarWidth - filled, '.') + "]" + numbers + unit_ + "/s  ETA " +
                     clock_text(left) + "  " + note;
  line.resize(std::min(line.size(), terminal_columns() - 1));
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  visible_ = true;
}

void ProgressLine::clear() {
  if (!visible_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  visible_ = false;
}

}  // namespace neurosplat
