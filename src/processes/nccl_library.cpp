// Not before the macro: c10d's header is empty without it.
#define USE_C10D_NCCL 1

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "neurosplat/core/lazy_library.h"
#include "processes/nccl_functions.h"

namespace neurosplat::processes {
namespace {

c10::intrusive_ptr<c10d::Backend> connect_gpus(const c10::intrusive_ptr<c10d::Store>& store,
                                               int rank, int count,
                                               std::chrono::milliseconds answer_limit) {
  auto settings = c10d::ProcessGroupNCCL::Options::create();
  settings->timeout = answer_limit;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, count, settings);
}

constexpr NcclFunctions kFunctions{.connect = connect_gpus};

}  // namespace
}  // namespace neurosplat::processes

extern "C" [[gnu::visibility("default")]] const void* neurosplat_functions(const char* version) {
  return neurosplat::functions_for(version, NEUROSPLAT_VERSION, neurosplat::processes::kFunctions);
}
