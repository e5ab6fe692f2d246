/// The CUDA renderer beside the eager dense sum on the same GPU, the bound that the GPU's measured
/// bandwidth and matrix throughput set, and a lock step in a graph. Times are medians by events.
#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <cuda_runtime_api.h>
#include <torch/cuda.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "renderer/packets/cuda/cuda_lock_step.h"
#include "support/json_rows.h"

namespace neurosplat {
namespace {

using testing::JsonRow;

/// Pictures that the dense sum draws at a time: it keeps N * H * W numbers of each for the way
/// back, and a slice of this size already fills the device.
constexpr std::int64_t kDenseSlice = 16;

void check(cudaError_t error) {
  if (error != cudaSuccess) throw Error(std::string("CUDA: ") + cudaGetErrorString(error));
}

struct Event {
  Event() { check(cudaEventCreate(&handle)); }
  ~Event() { static_cast<void>(cudaEventDestroy(handle)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t handle = nullptr;
};

/// Milliseconds a call, median of 7 rounds of `calls`, after two that warm up. All our work goes to
/// the default stream.
double time_ms(int calls, const std::function<void()>& work) {
  std::vector<double> times;
  for (int round = 0; round < 9; ++round) {
    const Event start, end;
    check(cudaEventRecord(start.handle, nullptr));
    for (int i = 0; i < calls; ++i) work();
    check(cudaEventRecord(end.handle, nullptr));
    check(cudaEventSynchronize(end.handle));
    float taken = 0;
    check(cudaEventElapsedTime(&taken, start.handle, end.handle));
    if (round >= 2) times.push_back(static_cast<double>(taken) / calls);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

struct Machine {
  std::string name;
  double copy_bytes, tf32_flops, bf16_flops;  // a second
};

double product_flops(at::ScalarType type) {
  constexpr std::int64_t kSide = 8192;
  const auto options = at::device(at::kCUDA).dtype(type);
  const auto a = at::randn({kSide, kSide}, options), b = at::randn({kSide, kSide}, options);
  auto out = at::empty({kSide, kSide}, options);
  const double ms = time_ms(5, [&] { at::mm_out(out, a, b); });
  return 2.0 * kSide * kSide * kSide / (ms * 1e-3);
}

Machine measure_machine() {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0));
  constexpr std::int64_t kNumbers = 1 << 28;
  const auto from = at::randn({kNumbers}, at::device(at::kCUDA).dtype(at::kFloat));
  auto to = at::empty_like(from);
  const double ms = time_ms(5, [&] { to.copy_(from); });
  at::globalContext().setAllowTF32CuBLAS(true);
  const double tf32 = product_flops(at::kFloat);
  at::globalContext().setAllowTF32CuBLAS(false);
  return {properties.name, 2.0 * kNumbers * sizeof(float) / (ms * 1e-3), tf32,
          product_flops(at::kBFloat16)};
}

struct Size {
  std::int64_t batch, packets, side;
};

struct Times {
  double forward, both;  // ms
};

Times time_renderer(RendererKind kind, const Size& size) {
  const auto options = at::device(at::kCUDA).dtype(at::kFloat);
  const std::int64_t slice =
      kind == RendererKind::dense ? std::min(size.batch, kDenseSlice) : size.batch;
  const auto start = at::randn({size.batch, size.packets, 11}, options);
  const auto weight = at::randn({slice, 3, size.side, size.side}, options);
  std::vector<at::Tensor> slices;
  for (auto& part : start.split(slice)) slices.push_back(part.clone().requires_grad_(true));
  const int calls = kind == RendererKind::dense ? 2 : 20;
  Times times{};
  times.forward = time_ms(calls, [&] {
    const at::NoGradGuard no_gradient;
    for (const auto& part : slices) render(part, size.side, size.side, {.renderer = kind});
  });
  times.both = time_ms(calls, [&] {
    for (auto& part : slices) {
      part.mutable_grad() = at::Tensor();
      render(part, size.side, size.side, {.renderer = kind}).backward(weight);
    }
  });
  return times;
}

/// Milliseconds that the device needs at least, forward and back: the larger of
///   3 products of 2 * (3 H W) * 2N operations, each done as 3 products in TF32, over throughput,
///   packets read twice and written once, two pictures written and two read, over bandwidth.
double bound_ms(const Size& size, const Machine& machine) {
  const auto pictures = static_cast<double>(size.batch);
  const auto values = 3.0 * static_cast<double>(size.side * size.side);
  const auto packets = static_cast<double>(size.packets);
  const double flops = pictures * 3.0 * 3.0 * 2.0 * values * 2.0 * packets;
  const double bytes = pictures * 4.0 * (3.0 * 11.0 * packets + 4.0 * values);
  return 1e3 * std::max(flops / machine.tf32_flops, bytes / machine.copy_bytes);
}

JsonRow row_of(const std::string& name, const Machine& machine, const Size& size,
               const Times& times, const Times& dense) {
  return {{"implementation", name},
          {"device", machine.name},
          {"batch", size.batch},
          {"packets", size.packets},
          {"height", size.side},
          {"width", size.side},
          {"forward_ms", times.forward},
          {"forward_backward_ms", times.both},
          {"forward_ratio", dense.forward / times.forward},
          {"forward_backward_ratio", dense.both / times.both}};
}

void compare(const Size& size, const Machine& machine, std::vector<JsonRow>& rows) {
  const Times own = time_renderer(RendererKind::cuda, size);
  const Times dense = time_renderer(RendererKind::dense, size);
  const double bound = bound_ms(size, machine);
  std::printf("%5lld %7lld %5lld  %9.3f %9.3f  %9.3f %9.3f  %7.1f %7.1f  %8.4f %6.2f\n",
              static_cast<long long>(size.batch), static_cast<long long>(size.packets),
              static_cast<long long>(size.side), own.forward, own.both, dense.forward, dense.both,
              dense.forward / own.forward, dense.both / own.both, bound, own.both / bound);
  auto row = row_of("cuda", machine, size, own, dense);
  row.emplace_back("bound_ms", bound);
  row.emplace_back("over_bound", own.both / bound);
  rows.push_back(std::move(row));
  rows.push_back(row_of("dense", machine, size, dense, dense));
}

double lock_step_us() {
  packet::cuda::LockStep lock(512, 128, 128, 0.02);
  lock.set_target(at::rand({3, 128, 128}));
  lock.set_packets(at::randn({512, 11}));
  return 1e3 * time_ms(1, [&] { lock.step(200); }) / 200;
}

void run(const std::string& json) {
  const Machine machine = measure_machine();
  std::printf("%s: copy %.0f GB/s (read + written), products %.0f TFLOP/s in TF32, %.0f in bf16\n",
              machine.name.c_str(), machine.copy_bytes * 1e-9, machine.tf32_flops * 1e-12,
              machine.bf16_flops * 1e-12);
  std::printf("%5s %7s %5s  %9s %9s  %9s %9s  %7s %7s  %8s %6s\n", "batch", "packets", "side",
              "forward", "with back", "dense f.", "dense b.", "ratio", "ratio b", "bound", "over");
  std::vector<JsonRow> rows;
  for (const std::int64_t batch : {1, 4, 64}) {
    compare({batch, 512, 128}, machine, rows);
    compare({batch, 256, 64}, machine, rows);
  }
  const double step = lock_step_us();
  std::printf("lock step in a graph, 512 packets at 128 x 128: %.1f us\n", step);
  rows.push_back({{"implementation", std::string("lock_step_graph")},
                  {"device", machine.name},
                  {"batch", std::int64_t{1}},
                  {"packets", std::int64_t{512}},
                  {"height", std::int64_t{128}},
                  {"width", std::int64_t{128}},
                  {"microseconds", step}});
  rows.push_back({{"implementation", std::string("machine")},
                  {"device", machine.name},
                  {"copy_bytes_per_second", machine.copy_bytes},
                  {"tf32_flops_per_second", machine.tf32_flops},
                  {"bf16_flops_per_second", machine.bf16_flops}});
  if (!json.empty()) testing::write_json_rows(json, rows);
}

}  // namespace
}  // namespace neurosplat

int main(int argc, char** argv) {
  try {
    const std::string first = argc > 1 ? argv[1] : "";
    if (first == "--help" || first == "-h") {
      std::cout << "Usage: gpu_benchmark [--json FILE]\nTimes in milliseconds.\n";
      return 0;
    }
    if (argc != 1 && !(argc == 3 && first == "--json")) {
      std::cerr << "gpu_benchmark: expected --json FILE or nothing; see --help\n";
      return 2;
    }
    if (!torch::cuda::is_available()) {
      std::cout << "SKIPPED: LibTorch finds no CUDA device here\n";
      return 0;
    }
    neurosplat::run(argc == 3 ? argv[2] : "");
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "gpu_benchmark: " << error.what() << '\n';
    return 1;
  }
}
