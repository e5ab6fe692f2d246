#include "neurosplat/core/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <dlfcn.h>

#include <algorithm>
#include <climits>
#include <string>
#include <thread>

#include "neurosplat/core/error.h"
#include "neurosplat/core/shared_cores.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// LibTorch's CUDA half loads a dozen libraries, which takes as long as all the rest: our programs
/// are linked without it, and it is opened here where there is a driver. Before the first question
/// about CUDA: LibTorch keeps the answer. Returns why it cannot be used, as far as is known here.
std::string open_cuda() {
  if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) == nullptr) return "no driver, libcuda.so.1";
  std::string file = "libtorch_cuda.so";
  char folder[PATH_MAX];
  // By path, since a sanitizer's dlopen() does not see the run path of who calls it.
  if (void* torch = dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD)) {
    if (dlinfo(torch, RTLD_DI_ORIGIN, folder) == 0) file = text(folder, '/', file);
  }
  if (dlopen(file.c_str(), RTLD_LAZY | RTLD_GLOBAL) != nullptr) return {};
  const char* reason = dlerror();
  return reason == nullptr ? "" : reason;
}

/// Opened at the first call.
const std::string& reason_without_cuda() {
  static const std::string reason = open_cuda();
  return reason;
}

}  // namespace

bool has_cuda() {
  reason_without_cuda();
  try {
    return at::hasCUDA() && at::globalContext().getAcceleratorHooksInterface().deviceCount() > 0;
  } catch (const std::exception&) {
    return false;  // a driver without a device, or too old a one
  }
}

at::Device device_from_name(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  if (name != "cuda" && name != "auto") {
    throw UsageError(text("device: expected cpu, cuda or auto, got '", name, "'"));
  }
  if (has_cuda()) return at::Device(at::kCUDA, 0);
  if (name == "auto") return at::Device(at::kCPU);
  const auto& reason = reason_without_cuda();
  throw Error(text("device: cuda was asked for, but LibTorch finds no CUDA device here",
                   reason.empty() ? "" : " (" + reason + ")", "; use --device cpu"));
}

bool multiplies_bf16(const at::Device& device) {
  if (!device.is_cpu()) return true;
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

void use_threads(int threads) {
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int used = threads > 0 ? threads : cores;
  at::set_num_threads(used);
  if (used > 1) share_cores(used);
}

FairThreads::FairThreads() : most_(at::get_num_threads()) {}

FairThreads::~FairThreads() {
  if (at::get_num_threads() != most_) at::set_num_threads(most_);
}

void FairThreads::begin_turn() const {
  const int threads = std::min(most_, free_cores());
  if (at::get_num_threads() != threads) at::set_num_threads(threads);
}

AutocastScope::AutocastScope(bool on, const at::Device& device) : on_(on), device_(device.type()) {
  if (!on_) return;
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, at::kBFloat16);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!on_) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, false);
}

}  // namespace neurosplat
