#include "neurosplat/core/text.h"
#include "processes/backend.h"

namespace neurosplat::processes {

std::unique_ptr<Backend> connect(const Place& place, std::chrono::milliseconds,
                                 std::chrono::milliseconds) {
  throw Error(text("processes: expected a build that has Gloo for ", place.count,
                   " processes (WORLD_SIZE), got one without its headers: install libgloo-dev and "
                   "configure again, or start one process"));
}

}  // namespace neurosplat::processes
