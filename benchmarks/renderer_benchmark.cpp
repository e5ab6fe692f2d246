/// Time to draw a batch of packets, and to draw it and go back: the matrix product beside the dense
/// sum, both in this process. `items_per_second` counts pictures.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <benchmark/benchmark.h>

#include "neurosplat/models/device.h"
#include "neurosplat/renderer/renderer.h"

namespace neurosplat {
namespace {

struct Shape {
  std::int64_t batch, packets, side;
};

at::Tensor random_packets(const Shape& shape) {
  return at::randn({shape.batch, shape.packets, 11}, at::detail::createCPUGenerator(1), at::kFloat);
}

void forward(benchmark::State& state, RendererKind kind, Shape shape) {
  const at::NoGradGuard no_gradient;
  const auto packets = random_packets(shape);
  for (auto _ : state) {
    benchmark::DoNotOptimize(render(packets, shape.side, shape.side, {.renderer = kind}));
  }
  state.SetItemsProcessed(state.iterations() * shape.batch);
}

void forward_backward(benchmark::State& state, RendererKind kind, Shape shape) {
  auto packets = random_packets(shape).requires_grad_(true);
  for (auto _ : state) {
    packets.mutable_grad() = at::Tensor();
    render(packets, shape.side, shape.side, {.renderer = kind}).square().mean().backward();
    benchmark::DoNotOptimize(packets.grad());
  }
  state.SetItemsProcessed(state.iterations() * shape.batch);
}

void add(const char* name, RendererKind kind, Shape shape) {
  const auto label = [&](const char* pass) {
    return std::string(name) + "/" + pass + "/batch:" + std::to_string(shape.batch) +
           "/packets:" + std::to_string(shape.packets) + "/side:" + std::to_string(shape.side);
  };
  benchmark::RegisterBenchmark(label("forward").c_str(), forward, kind, shape)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  benchmark::RegisterBenchmark(label("forward_backward").c_str(), forward_backward, kind, shape)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

}  // namespace
}  // namespace neurosplat

int main(int argc, char** argv) {
  using neurosplat::RendererKind;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  neurosplat::use_threads(0);
  for (const auto& shape : {neurosplat::Shape{4, 512, 128}, {1, 512, 128}, {4, 256, 64}}) {
    neurosplat::add("matrix", RendererKind::matrix, shape);
    neurosplat::add("dense", RendererKind::dense, shape);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
