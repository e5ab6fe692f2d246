/// Time of the agreement gate on one frame: the Gabor bank on picture and gist and the gain, by the
/// passes along the axes, and by the direct convolution that they replace.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <benchmark/benchmark.h>

#include "neurosplat/core/device.h"
#include "neurosplat/metrics/gaussian_blur.h"
#include "neurosplat/systems/cortex/agreement_cortex.h"

namespace neurosplat {
namespace {

at::Tensor noise(std::int64_t side) {
  return at::rand({side, side}, at::detail::createCPUGenerator(1), at::kFloat);
}

void gate(benchmark::State& state) {
  const auto frame = noise(state.range(0)), gist = gaussian_blur(frame, 5.0);
  const AgreementGate agreement;
  for (auto _ : state) benchmark::DoNotOptimize(agreement.gain(frame, gist));
}

void direct_convolution(benchmark::State& state) {
  const at::NoGradGuard no_gradient;
  const auto frame = noise(state.range(0)), gist = gaussian_blur(frame, 5.0);
  const auto parts = at::view_as_real(gabor_kernels({})).permute({0, 3, 1, 2});
  const auto kernels = parts.flip({2, 3}).reshape({8, 1, 25, 25}).to(at::kFloat).contiguous();
  const auto responses = [&](const at::Tensor& picture) {
    const auto all = at::conv2d(picture.unsqueeze(0).unsqueeze(0), kernels, {}, 1, 12)[0];
    return all.unflatten(0, {4, 2});
  };
  for (auto _ : state) {
    benchmark::DoNotOptimize(agreement_of(responses(frame), responses(gist)));
  }
}

void cortex(benchmark::State& state) {
  const auto frame = noise(state.range(0)), gist = gaussian_blur(frame, 5.0);
  AgreementCortex agreement;
  for (auto _ : state) benchmark::DoNotOptimize(agreement.perceive(frame, gist));
}

BENCHMARK(gate)->Arg(256)->Arg(512)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(direct_convolution)->Arg(256)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(cortex)->Arg(256)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace neurosplat

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  neurosplat::use_threads(0);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
