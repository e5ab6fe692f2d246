// lock_frame MODEL: draws what a stored splat VAE expects of a frame, then locks its packets onto
// the frame.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdio>
#include <exception>

#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/systems/lock/lock_solver.h"
#include "neurosplat/systems/splat_vae/model_file.h"

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: lock_frame MODEL\n");
    return 2;
  }
  const at::NoGradGuard no_gradient;
  const auto model = neurosplat::load_splat_vae(argv[1]);
  const auto size = model.architecture().image_size;
  const auto across = at::linspace(0, 1, size).expand({size, size});
  const auto bar = at::logical_and(across > 0.3, across < 0.6).to(at::kFloat);
  const auto frame = at::stack({0.2 + 0.6 * bar, 0.3 + 0.4 * across.t(), 0.8 - 0.5 * bar});

  const auto packets = model.decode(model.latents_of(frame.unsqueeze(0)));
  const auto picture = neurosplat::render(packets, size, size)[0];
  const auto view = neurosplat::make_lock_solver(model, {})->follow(frame, 33);
  const double error = (picture - frame).square().mean().item<double>();
  std::printf("%lld packets, prior mean square error %.5f, locked PSNR %.2f dB\n",
              static_cast<long long>(packets.size(1)), error, view.psnr_db);
} catch (const std::exception& error) {
  std::fprintf(stderr, "lock_frame: %s\n", error.what());
  return 1;
}
