#pragma once

#include <c10/core/Device.h>

#include <string>

namespace neurosplat {

/// Whether there is a CUDA device. Opens LibTorch's CUDA half at the first call, where there is a
/// driver: call this or device_from_name() before any computation, since LibTorch asks once whether
/// its CUDA half is there and keeps the answer.
bool has_cuda();

/// The device that "cpu", "cuda" or "auto" names; auto takes CUDA where there is one. Throws
/// Error when CUDA is asked for and there is none, UsageError for another name.
at::Device device_from_name(const std::string& name);

/// Whether `device` multiplies bf16 in hardware, so that networks are faster in it than in float32:
/// every GPU, and processors with AVX512_BF16 (those with AMX have it too).
bool multiplies_bf16(const at::Device& device);

/// Threads for the work inside one operator; 0: all cores. Call once, before any work. Threads that
/// wait for one another sleep while other programs want the cores, and spin else; where
/// OMP_WAIT_POLICY or GOMP_SPINCOUNT are set, they do as these say.
void use_threads(int threads);

/// Of work in turns, such as frames: each turn takes as many threads as other programs leave cores
/// (free_cores()), those that operations had at its construction at most and again at its end.
/// Beside busy programs a thread that another waits for comes last, so that fewer are quicker.
class FairThreads {
 public:
  FairThreads();
  ~FairThreads();
  FairThreads(const FairThreads&) = delete;
  FairThreads& operator=(const FairThreads&) = delete;

  /// A turn begins on this thread.
  void begin_turn() const;

 private:
  int most_;
};

/// While it lives, networks on `device` compute in bf16 when `on`; float32 otherwise.
class AutocastScope {
 public:
  AutocastScope(bool on, const at::Device& device);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool on_;
  c10::DeviceType device_;
};

}  // namespace neurosplat
