#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace neurosplat {

/// What a window answers.
struct WindowReply {
  std::int32_t key;   ///< as OpenCV's waitKey gives it, -1 for none
  std::int32_t open;  ///< 0 once the viewer has closed it
};

/// A window in a process of its own. The GUI library under OpenCV ends its process when the display
/// cannot be reached or goes away; that must not be ours, which has files to complete.
class WindowProcess {
 public:
  /// Nothing where no window opens. Call before LibTorch has threads: the process is forked.
  static std::optional<WindowProcess> start(const std::string& title);
  ~WindowProcess();
  WindowProcess(WindowProcess&& other) noexcept;
  WindowProcess(const WindowProcess&) = delete;
  WindowProcess& operator=(const WindowProcess&) = delete;

  /// Shows rows x columns pixels, blue, green, red (none: what is there stays), and waits for a key
  /// or that long. Nothing when the window's process has ended; on an interrupt it counts as
  /// closed.
  std::optional<WindowReply> show(const std::uint8_t* pixels, std::int32_t rows,
                                  std::int32_t columns, std::int32_t wait_ms);

 private:
  WindowProcess(pid_t process, int socket) : process_(process), socket_(socket) {}
  std::optional<WindowReply> reply();

  pid_t process_;
  int socket_;
};

}  // namespace neurosplat
