#include "neurosplat/live/panel_window.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <cstdlib>

#include "neurosplat/core/log.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

constexpr int kWaitMs = 50;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

bool display_here() {
  return is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
}

std::unique_ptr<PanelWindow> PanelWindow::open(const std::string& title,
                                               const std::vector<std::string>& modes) {
  if (!display_here()) return nullptr;
  if (auto process = WindowProcess::start(title)) {
    return std::unique_ptr<PanelWindow>(new PanelWindow(std::move(*process), modes));
  }
  log::warn("no window opens on this display: going on without one");
  return nullptr;
}

void PanelWindow::listen(const std::optional<WindowReply>& reply) {
  if (!reply) {
    process_.reset();
    log::warn("the display is gone: no more panels in a window");
    return;
  }
  keys_.press(reply->key, shown_);
  wanted_ = wanted_ && !keys_.quit() && reply->open != 0;
}

void PanelWindow::wait() {
  listen(process_->show(nullptr, 0, 0, kWaitMs));
}

bool PanelWindow::show(const at::Tensor& picture) {
  if (!process_) return true;
  const auto pixels = to_bgr_pixels(picture);
  shown_ = picture;
  listen(process_->show(pixels.data_ptr<std::uint8_t>(), static_cast<std::int32_t>(pixels.size(0)),
                        static_cast<std::int32_t>(pixels.size(1)), 1));
  while (process_ && wanted_ && keys_.paused()) wait();
  return wanted_;
}

void PanelWindow::hold() {
  while (process_ && wanted_) wait();
}

}  // namespace neurosplat
