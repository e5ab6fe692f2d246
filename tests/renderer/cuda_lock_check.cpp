/// The lock step in its graph, on a GPU, beside PyTorch's Adam on the dense sum in double. A plain
/// program: it also runs where there is no test framework. --small leaves out the largest case.
#include <ATen/ATen.h>
#include <torch/cuda.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>
#include <utility>

#include "neurosplat/renderer/packets/renderer.h"
#include "renderer/packets/cuda/cuda_lock_step.h"
#include "renderer_numbers.h"

namespace neurosplat {
namespace {

using testing::RendererCase;

/// Whether `steps` steps of both agree, and two locks agree in every bit.
bool agrees(const RendererCase& one, int steps) {
  constexpr double kRate = 0.02;
  const auto start = testing::raw_packets(one);
  const auto target = at::rand({one.channels, one.height, one.width},
                               at::detail::createCPUGenerator(4), at::kFloat);
  const auto locked = [&](int times) {
    packet::cuda::LockStep lock(one.packets, one.height, one.width, kRate, one.channels);
    lock.set_target(target);
    lock.set_packets(start[0]);
    lock.step(times);
    return std::pair(lock.packets().cpu(), lock.loss().cpu().item<double>());
  };
  auto exact = start.to(at::kDouble).requires_grad_(true);
  torch::optim::Adam adam({exact}, torch::optim::AdamOptions(kRate));
  double loss = 0;
  for (int step = 0; step < steps; ++step) {
    adam.zero_grad();
    const auto picture = render(exact, one.height, one.width, {.renderer = RendererKind::dense});
    const auto error = at::mse_loss(picture[0], target.to(at::kDouble));
    error.backward();
    adam.step();
    loss = error.item<double>();
  }
  const auto [packets, own_loss] = locked(steps);
  const auto end = exact.detach()[0];
  const double apart = (packets - end).norm().item<double>();
  const double moved = (end - start[0]).norm().item<double>();
  const bool same_bits = at::equal(packets, locked(steps).first);
  const bool held = apart <= 1e-3 * moved && std::abs(own_loss - loss) <= 1e-5 * loss && same_bits;
  std::printf("lock %-16s apart / moved %8.2g  loss %.8f, expected %.8f  same bits: %s  %s\n",
              one.name.c_str(), apart / moved, own_loss, loss, same_bits ? "yes" : "no",
              held ? "ok" : "FAILED");
  return held;
}

}  // namespace
}  // namespace neurosplat

int main(int argc, char** argv) {
  const bool small = argc > 1 && std::string(argv[1]) == "--small";
  using neurosplat::testing::RendererCase;
  try {
    if (!torch::cuda::is_available()) {
      std::cout << "SKIPPED: LibTorch finds no CUDA device here\n";
      return 0;
    }
    bool held = true;
    for (const auto& one :
         {RendererCase{"small", 1, 100, 3, 40, 70}, RendererCase{"grey", 1, 33, 1, 30, 66},
          RendererCase{"model size", 1, 512, 3, 128, 128}}) {
      if (small && one.packets > 100) continue;
      held = neurosplat::agrees(one, 5) && held;
    }
    return held ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "cuda_lock_check: " << error.what() << '\n';
    return 1;
  }
}
