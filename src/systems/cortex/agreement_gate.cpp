#include "neurosplat/systems/cortex/agreement_gate.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/cortex/gabor_kernels.h"

namespace neurosplat {
namespace {

template <class Real>
at::Tensor agreement(const at::Tensor& world, const at::Tensor& gist) {
  const auto pixels = world.size(2) * world.size(3);
  auto gain = at::empty({world.size(2), world.size(3)}, world.options());
  const auto* w = world.const_data_ptr<Real>();
  const auto* g = gist.const_data_ptr<Real>();
  auto* to = gain.mutable_data_ptr<Real>();
  constexpr std::int64_t kPixels = 4096;  // that a thread takes at least
  at::parallel_for(0, pixels, kPixels, [&](std::int64_t first, std::int64_t last) {
    gabor::kernels<Real>().agreement(w, g, world.size(0), pixels, first, last, to);
  });
  return gain;
}

}  // namespace

at::Tensor agreement_of(const at::Tensor& world_responses, const at::Tensor& gist_responses) {
  const at::NoGradGuard no_gradient;
  const auto type = world_responses.scalar_type();
  if (world_responses.dim() != 4 || world_responses.size(1) != 2 ||
      world_responses.sizes() != gist_responses.sizes() || gist_responses.scalar_type() != type ||
      (type != at::kFloat && type != at::kDouble)) {
    throw UsageError(text("responses: expected two float or double [O, 2, H, W] of one size, got ",
                          world_responses.toString(), " ", world_responses.sizes(), " and ",
                          gist_responses.toString(), " ", gist_responses.sizes()));
  }
  const auto world = world_responses.contiguous(), gist = gist_responses.contiguous();
  return type == at::kFloat ? agreement<float>(world, gist) : agreement<double>(world, gist);
}

at::Tensor AgreementGate::gain(const at::Tensor& world, const at::Tensor& gist) const {
  return agreement_of(bank_.respond(world), bank_.respond(gist));
}

}  // namespace neurosplat
