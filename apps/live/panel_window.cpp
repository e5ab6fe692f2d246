#include "live/panel_window.h"

#include <ATen/core/Tensor.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <opencv2/core.hpp>
#include <opencv2/highgui.hpp>
#include <utility>

#include "neurosplat/core/log.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat::apps {
namespace {

constexpr unsigned kProbeSeconds = 10;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

/// Opens a window and goes: GUI libraries abort where the display cannot be reached, so that only
/// a process of its own can try.
[[noreturn]] void try_window(const std::string& title) {
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDERR_FILENO);
  ::alarm(kProbeSeconds);
  try {
    cv::namedWindow(title, cv::WINDOW_AUTOSIZE);
    cv::waitKey(1);
    ::_exit(0);
  } catch (...) {
    ::_exit(1);
  }
}

bool window_opens(const std::string& title) {
  const pid_t child = ::fork();
  if (child == 0) try_window(title);
  int status = -1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

bool display_here() {
  return is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
}

std::unique_ptr<PanelWindow> PanelWindow::open(const std::string& title) {
  if (!display_here()) return nullptr;
  try {
    if (window_opens(title)) return std::unique_ptr<PanelWindow>(new PanelWindow(title));
  } catch (const cv::Exception&) {  // reported below
  }
  log::warn("no window opens on this display: going on without one");
  return nullptr;
}

PanelWindow::PanelWindow(std::string title) : title_(std::move(title)) {
  cv::namedWindow(title_, cv::WINDOW_AUTOSIZE);
}

PanelWindow::~PanelWindow() {
  try {
    cv::destroyWindow(title_);
  } catch (const cv::Exception&) {  // the viewer closed it
  }
}

bool PanelWindow::wanted(int wait_ms) {
  if (!wanted_) return false;
  keys_.press(cv::waitKey(wait_ms), shown_);
  wanted_ = !keys_.quit() && cv::getWindowProperty(title_, cv::WND_PROP_VISIBLE) > 0;
  return wanted_;
}

bool PanelWindow::show(const at::Tensor& picture) {
  const auto pixels = to_bgr_pixels(picture);
  cv::imshow(title_, cv::Mat(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)),
                             CV_8UC3, pixels.data_ptr<std::uint8_t>()));
  shown_ = picture;
  bool on = wanted(1);
  while (on && keys_.paused()) on = wanted(50);
  return on;
}

void PanelWindow::hold() {
  while (wanted(50)) {
  }
}

}  // namespace neurosplat::apps
