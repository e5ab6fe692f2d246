#include "report/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/text.h"

namespace neurosplat::report {
namespace {

constexpr auto kGlance = std::chrono::milliseconds(50);

std::string cause() {
  return std::generic_category().message(errno);
}

/// Between fork and exec only what is safe after a signal: the parent has threads.
[[noreturn]] void become(char* const* argv, int input, int log, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  ::dup2(input, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(argv[0], argv);
  ::_exit(127);
}

}  // namespace

int run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
              const std::filesystem::path& log, const std::function<void()>& waiting) {
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (output < 0)
    throw Error(text("expected to write ", log.string(), ", the system said: ", cause()));
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child == 0) become(argv.data(), input, output, parent);
  const auto failed = child < 0 ? cause() : std::string();
  ::close(input);
  ::close(output);
  if (child < 0) throw Error(text(program.string(), ": cannot be started: ", failed));
  int status = 0;
  bool told = false;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (InterruptGuard::raised() && !told) {
      ::kill(child, SIGTERM);
      told = true;
    }
    waiting();
    std::this_thread::sleep_for(kGlance);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace neurosplat::report
