#include "support/command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A file to write, or a descriptor that is open already.
struct Output {
  std::string file;
  int descriptor = -1;

  int open_for_writing() const {
    return descriptor >= 0 ? descriptor : open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }
};

int spawn(const std::vector<std::string>& arguments, const Output& out, const Output& err,
          const std::filesystem::path& folder = ".") {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  const int in = open("/dev/null", O_RDONLY);
  const int out_file = out.open_for_writing();
  const int err_file = err.open_for_writing();
  dup2(in, 0);
  dup2(out_file, 1);
  dup2(err_file, 2);
  // Whatever the tests themselves were started with.
  for (const int signal : {SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  if (chdir(folder.c_str()) != 0) _exit(127);
  execvp(argv[0], argv.data());
  _exit(127);
}

}  // namespace

int start_command(const std::vector<std::string>& arguments, const std::filesystem::path& folder) {
  return spawn(arguments, {"/dev/null"}, {"/dev/null"}, folder);
}

PipedCommand start_piped_command(const std::vector<std::string>& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  const int process = spawn(arguments, {"", ends[1]}, {"", ends[1]});
  close(ends[1]);
  return {process, ends[0]};
}

int wait_for_command(int process) {
  int status = 0;
  if (waitpid(process, &status, 0) < 0) throw std::runtime_error("waitpid failed");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Finished run_command(const std::vector<std::string>& arguments,
                     const std::filesystem::path& folder) {
  const TemporaryFolder outputs;
  const auto out = outputs / "out", err = outputs / "err";
  const int status = wait_for_command(spawn(arguments, {out.string()}, {err.string()}, folder));
  return {status, read_all(out), read_all(err)};
}

std::string program(const std::string& name) {
  return std::string(NEUROSPLAT_BIN_DIR) + "/" + name;
}

std::optional<std::string> python_with(const std::string& module) {
  const char* chosen = std::getenv("NEUROSPLAT_PYTHON");
  const std::string python =
      chosen != nullptr ? chosen : (source_folder() / ".venv/bin/python").string();
  const auto probe = run_command({python, "-c", "import " + module});
  if (probe.status != 0) return std::nullopt;
  return python;
}

std::filesystem::path source_folder() {
  return NEUROSPLAT_SOURCE_DIR;
}

std::optional<std::filesystem::path> shared_folder(const std::string& name) {
  const char* chosen = std::getenv("NEUROSPLAT_SHARED");
  const auto root =
      chosen != nullptr ? std::filesystem::path(chosen) : source_folder() / ".." / "shared";
  if (!std::filesystem::exists(root / name)) return std::nullopt;
  return root / name;
}

}  // namespace neurosplat::testing
