#include "support/process_group.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace neurosplat::testing {

bool has_process_groups() {
  return NEUROSPLAT_HAS_GLOO != 0;
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  const bool done =
      socket >= 0 && ::bind(socket, plain, size) == 0 && ::getsockname(socket, plain, &size) == 0;
  ::close(socket);
  if (!done) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

std::vector<std::string> as_process(int rank, int count, std::uint16_t port,
                                    const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"env",
                                  "RANK=" + std::to_string(rank),
                                  "WORLD_SIZE=" + std::to_string(count),
                                  "LOCAL_RANK=" + std::to_string(rank),
                                  "LOCAL_WORLD_SIZE=" + std::to_string(count),
                                  "MASTER_ADDR=127.0.0.1",
                                  "MASTER_PORT=" + std::to_string(port)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

Finished run_two(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                 int* other) {
  const auto port = free_port();
  const int process = start_command(as_process(1, 2, port, arguments), folder);
  const auto finished = run_command(as_process(0, 2, port, arguments), folder);
  const int status = wait_for_command(process);
  if (other != nullptr) *other = status;
  return finished;
}

}  // namespace neurosplat::testing
