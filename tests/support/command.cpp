#include "support/command.h"

#include <fcntl.h>
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

int spawn(const std::vector<std::string>& arguments, const std::string& out,
          const std::string& err) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  const int in = open("/dev/null", O_RDONLY);
  const int out_file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int err_file = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(in, 0);
  dup2(out_file, 1);
  dup2(err_file, 2);
  execvp(argv[0], argv.data());
  _exit(127);
}

}  // namespace

int start_command(const std::vector<std::string>& arguments) {
  return spawn(arguments, "/dev/null", "/dev/null");
}

int wait_for_command(int process) {
  int status = 0;
  if (waitpid(process, &status, 0) < 0) throw std::runtime_error("waitpid failed");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Finished run_command(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  const auto out = folder / "out", err = folder / "err";
  const int status = wait_for_command(spawn(arguments, out.string(), err.string()));
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
