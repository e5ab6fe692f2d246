#include "systems/patch_flow/tokens/token_passes.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "neurosplat/simd/product.h"
#include "systems/patch_flow/tokens/token_kernels.h"

namespace neurosplat::tokens {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool fills_vectors(std::int64_t channels) {
  return channels > 0 && channels % simd::kPadding == 0;
}

bool serves(const at::Tensor& tensor) {
  const auto type = tensor.scalar_type();
  return tensor.is_cpu() && (type == at::kFloat || type == at::kBFloat16);
}

bool serves_single(const at::Tensor& tensor) {
  return serves(tensor) && tensor.scalar_type() == at::kFloat;
}

at::ScalarType product_type() {
  return at::autocast::is_autocast_enabled(at::kCPU) &&
                 at::autocast::get_autocast_dtype(at::kCPU) == at::kBFloat16
             ? at::kBFloat16
             : at::kFloat;
}

/// Calls `pass(passes of the type, its number)` of what the kernels hold for a type.
template <class Pass>
void with_passes(at::ScalarType type, Pass pass) {
  if (type == at::kBFloat16) {
    pass(kernels().half, BFloat16{});
  } else {
    pass(kernels().single, float{});
  }
}

/// The numbers of picture `b` of a contiguous tensor [B, ...].
template <class Number>
const Number* of_picture(const at::Tensor& tensor, std::int64_t b) {
  return static_cast<const Number*>(tensor.const_data_ptr()) + b * tensor.stride(0);
}
template <class Number>
Number* into_picture(const at::Tensor& tensor, std::int64_t b) {
  return static_cast<Number*>(tensor.mutable_data_ptr()) + b * tensor.stride(0);
}

template <class One>
void each_picture(std::int64_t count, One one) {
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) one(b);
  });
}

struct Modulated : torch::autograd::Function<Modulated> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given_x,
                            const at::Tensor& given_scale, const at::Tensor& given_shift) {
    const auto x = given_x.contiguous(), scale = given_scale.contiguous(),
               shift = given_shift.contiguous();
    auto y = at::empty(x.sizes(), x.options().dtype(product_type()));
    with_passes(y.scalar_type(), [&]<class Number>(const Passes<Number>& passes, Number) {
      each_picture(x.size(0), [&](std::int64_t b) {
        passes.modulate({x.size(1), x.size(2), of_picture<float>(x, b), of_picture<float>(scale, b),
                         of_picture<float>(shift, b), into_picture<Number>(y, b)});
      });
    });
    context->save_for_backward({x, scale});
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &scale = saved[1];
    const auto y_adjoint = gradients[0].contiguous();
    auto x_adjoint = at::empty_like(x);
    auto scale_adjoint = at::zeros_like(scale), shift_adjoint = at::zeros_like(scale);
    with_passes(y_adjoint.scalar_type(), [&]<class Number>(const Passes<Number>& passes, Number) {
      each_picture(x.size(0), [&](std::int64_t b) {
        passes.modulate_back(
            {x.size(1), x.size(2), of_picture<float>(x, b), of_picture<float>(scale, b),
             of_picture<Number>(y_adjoint, b), into_picture<float>(x_adjoint, b),
             into_picture<float>(scale_adjoint, b), into_picture<float>(shift_adjoint, b)});
      });
    });
    return {x_adjoint, scale_adjoint, shift_adjoint};
  }
};

struct GatedSums : torch::autograd::Function<GatedSums> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given_x,
                            const at::Tensor& given_gate, const at::Tensor& given_y) {
    const auto x = given_x.contiguous(), gate = given_gate.contiguous(), y = given_y.contiguous();
    auto sum = at::empty_like(x);
    with_passes(y.scalar_type(), [&]<class Number>(const Passes<Number>& passes, Number) {
      each_picture(x.size(0), [&](std::int64_t b) {
        passes.gated_sum({x.size(1), x.size(2), of_picture<float>(x, b), of_picture<float>(gate, b),
                          of_picture<Number>(y, b), into_picture<float>(sum, b)});
      });
    });
    context->save_for_backward({gate, y});
    return sum;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &gate = saved[0], &y = saved[1];
    const auto sum_adjoint = gradients[0].contiguous();
    auto gate_adjoint = at::zeros_like(gate), y_adjoint = at::empty_like(y);
    with_passes(y.scalar_type(), [&]<class Number>(const Passes<Number>& passes, Number) {
      each_picture(y.size(0), [&](std::int64_t b) {
        passes.gated_sum_back({y.size(1), y.size(2), of_picture<float>(gate, b),
                               of_picture<float>(sum_adjoint, b), of_picture<Number>(y, b),
                               into_picture<Number>(y_adjoint, b),
                               into_picture<float>(gate_adjoint, b)});
      });
    });
    return {gradients[0], gate_adjoint, y_adjoint};
  }
};

struct SplitHeads : torch::autograd::Function<SplitHeads> {
  static variable_list forward(AutogradContext* context, const at::Tensor& given,
                               const at::Tensor& given_scales, const at::Tensor& cosine,
                               const at::Tensor& sine) {
    const auto joined = given.contiguous(), scales = given_scales.contiguous();
    const std::int64_t rows = joined.size(1), channels = scales.size(1),
                       heads = joined.size(2) / (3 * channels);
    variable_list parts;
    for (int part = 0; part < 3; ++part) {
      parts.push_back(at::empty({joined.size(0), heads, rows, channels}, joined.options()));
    }
    with_passes(joined.scalar_type(), [&]<class Number>(const Passes<Number>& passes, Number) {
      each_picture(joined.size(0), [&](std::int64_t b) {
        passes.heads({rows,
                      heads,
                      channels,
                      of_picture<Number>(joined, b),
                      scales.const_data_ptr<float>(),
                      cosine.const_data_ptr<float>(),
                      sine.const_data_ptr<float>(),
                      {into_picture<Number>(parts[0], b), into_picture<Number>(parts[1], b),
                       into_picture<Number>(parts[2], b)}});
      });
    });
    context->save_for_backward({joined, scales, cosine, sine});
    return parts;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &joined = saved[0], &scales = saved[1], &cosine = saved[2], &sine = saved[3];
    const std::int64_t rows = joined.size(1), channels = scales.size(1),
                       heads = joined.size(2) / (3 * channels);
    variable_list adjoints;
    for (const auto& gradient : gradients) adjoints.push_back(gradient.contiguous());
    auto joined_adjoint = at::empty_like(joined);
    auto scales_adjoint = at::zeros({joined.size(0), 2, channels}, scales.options());
    with_passes(joined.scalar_type(), [&]<class Number>(const Passes<Number>& passes, Number) {
      each_picture(joined.size(0), [&](std::int64_t b) {
        passes.heads_back({rows,
                           heads,
                           channels,
                           of_picture<Number>(joined, b),
                           scales.const_data_ptr<float>(),
                           cosine.const_data_ptr<float>(),
                           sine.const_data_ptr<float>(),
                           {of_picture<Number>(adjoints[0], b), of_picture<Number>(adjoints[1], b),
                            of_picture<Number>(adjoints[2], b)},
                           into_picture<Number>(joined_adjoint, b),
                           into_picture<float>(scales_adjoint, b)});
      });
    });
    return {joined_adjoint, scales_adjoint.sum(0), {}, {}};
  }
};

struct SwiGlus : torch::autograd::Function<SwiGlus> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given) {
    const auto joined = given.contiguous();
    const std::int64_t rows = joined.size(1), channels = joined.size(2) / 2;
    auto out = at::empty({joined.size(0), rows, channels}, joined.options());
    with_passes(joined.scalar_type(), [&]<class Number>(const Passes<Number>& passes, Number) {
      each_picture(joined.size(0), [&](std::int64_t b) {
        passes.swiglu(
            {rows, channels, of_picture<Number>(joined, b), into_picture<Number>(out, b)});
      });
    });
    context->save_for_backward({joined});
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto joined = context->get_saved_variables()[0];
    const auto out_adjoint = gradients[0].contiguous();
    auto joined_adjoint = at::empty_like(joined);
    with_passes(joined.scalar_type(), [&]<class Number>(const Passes<Number>& passes, Number) {
      each_picture(joined.size(0), [&](std::int64_t b) {
        passes.swiglu_back({joined.size(1), joined.size(2) / 2, of_picture<Number>(joined, b),
                            of_picture<Number>(out_adjoint, b),
                            into_picture<Number>(joined_adjoint, b)});
      });
    });
    return {joined_adjoint};
  }
};

}  // namespace

at::Tensor modulated(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift) {
  if (!serves_single(x) || !serves_single(scale) || !serves_single(shift) ||
      !fills_vectors(x.size(2))) {
    return eager::modulated(x, scale, shift);
  }
  return Modulated::apply(x, scale, shift);
}

at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y) {
  if (!serves_single(x) || !serves_single(gate) || !serves(y) || !fills_vectors(x.size(2))) {
    return eager::gated_sum(x, gate, y);
  }
  return GatedSums::apply(x, gate, y);
}

HeadParts head_parts(const at::Tensor& joined, const at::Tensor& scales, const Rotation& rotation) {
  const auto channels = scales.size(1);
  if (!serves(joined) || !serves_single(scales) || channels % 2 != 0 ||
      !fills_vectors(channels / 2) || channels > kMostHeadChannels) {
    return eager::head_parts(joined, scales, rotation);
  }
  const auto parts = SplitHeads::apply(joined, scales, rotation.cosine, rotation.sine);
  return {parts[0], parts[1], parts[2]};
}

at::Tensor swiglu(const at::Tensor& joined) {
  if (!serves(joined) || joined.size(2) % 2 != 0 || !fills_vectors(joined.size(2) / 2)) {
    return eager::swiglu(joined);
  }
  return SwiGlus::apply(joined);
}

}  // namespace neurosplat::tokens
