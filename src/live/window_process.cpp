#include "neurosplat/live/window_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <opencv2/core.hpp>
#include <utility>
#include <vector>

#include "live/window_library.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/lazy_library.h"

namespace neurosplat {
namespace {

constexpr unsigned kOpenSeconds = 10;
constexpr int kGlanceMs = 100;

struct WindowRequest {
  std::int32_t rows, columns, wait_ms;
};

enum class Moved { all, gone, interrupted };

/// Sends or receives all of it, and looks for an interrupt while it waits.
template <class Byte, class Transfer>
Moved move(int socket, Byte* bytes, std::size_t count, short event, Transfer transfer) {
  while (count > 0) {
    if (InterruptGuard::raised()) return Moved::interrupted;
    pollfd ready = {socket, event, 0};
    if (::poll(&ready, 1, kGlanceMs) <= 0) continue;
    const ssize_t moved = transfer(socket, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (moved < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (moved <= 0) return Moved::gone;
    bytes += moved;
    count -= static_cast<std::size_t>(moved);
  }
  return Moved::all;
}

Moved send_all(int socket, const void* bytes, std::size_t count) {
  return move(socket, static_cast<const char*>(bytes), count, POLLOUT, ::send);
}

Moved receive_all(int socket, void* bytes, std::size_t count) {
  return move(socket, static_cast<char*>(bytes), count, POLLIN, ::recv);
}

const WindowLibrary& library() {
  static const auto& instance = lazy_functions<WindowLibrary>("window");
  return instance;
}

WindowReply answer(const std::string& title, int wait_ms) {
  const int key = library().wait_for_key(wait_ms);
  return {key, library().is_visible(title) ? 1 : 0};
}

/// Until the other end is gone.
void serve(const std::string& title, int socket) {
  ::alarm(kOpenSeconds);
  library().open(title);
  library().wait_for_key(1);
  ::alarm(0);
  WindowReply reply = {-1, 1};
  WindowRequest request = {};
  std::vector<std::uint8_t> pixels;
  while (send_all(socket, &reply, sizeof reply) == Moved::all &&
         receive_all(socket, &request, sizeof request) == Moved::all) {
    pixels.resize(3 * static_cast<std::size_t>(request.rows) *
                  static_cast<std::size_t>(request.columns));
    if (receive_all(socket, pixels.data(), pixels.size()) != Moved::all) return;
    if (!pixels.empty()) {
      library().show(title, cv::Mat(request.rows, request.columns, CV_8UC3, pixels.data()));
    }
    reply = answer(title, request.wait_ms);
  }
}

[[noreturn]] void be_the_window(const std::string& title, int socket) {
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::signal(SIGINT, SIG_IGN);  // of the terminal: the program itself decides when to end
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDERR_FILENO);
  try {
    serve(title, socket);
    ::_exit(0);
  } catch (...) {
    ::_exit(1);
  }
}

}  // namespace

std::optional<WindowProcess> WindowProcess::start(const std::string& title) {
  library();  // in both processes: what is missing is said by this one
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return std::nullopt;
  const pid_t process = ::fork();
  if (process == 0) {
    ::close(ends[0]);
    be_the_window(title, ends[1]);
  }
  ::close(ends[1]);
  if (process < 0) {
    ::close(ends[0]);
    return std::nullopt;
  }
  WindowProcess window(process, ends[0]);
  if (!window.reply()) return std::nullopt;
  return window;
}

WindowProcess::~WindowProcess() {
  if (process_ < 0) return;
  ::close(socket_);
  ::kill(process_, SIGKILL);  // it may hang on a display that does not answer
  ::waitpid(process_, nullptr, 0);
}

WindowProcess::WindowProcess(WindowProcess&& other) noexcept
    : process_(std::exchange(other.process_, -1)), socket_(std::exchange(other.socket_, -1)) {}

std::optional<WindowReply> WindowProcess::show(const std::uint8_t* pixels, std::int32_t rows,
                                               std::int32_t columns, std::int32_t wait_ms) {
  const WindowRequest request = {rows, columns, wait_ms};
  const auto count = 3 * static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  auto sent = send_all(socket_, &request, sizeof request);
  if (sent == Moved::all) sent = send_all(socket_, pixels, count);
  if (sent == Moved::gone) return std::nullopt;
  return sent == Moved::all ? reply() : WindowReply{-1, 0};
}

std::optional<WindowReply> WindowProcess::reply() {
  WindowReply answer = {};
  const auto received = receive_all(socket_, &answer, sizeof answer);
  if (received == Moved::gone) return std::nullopt;
  return received == Moved::all ? answer : WindowReply{-1, 0};
}

}  // namespace neurosplat
