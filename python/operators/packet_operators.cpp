// neurosplat::render and its way back, as operators that PyTorch can differentiate and trace. Each
// has a kernel for real tensors (CPU, CUDA), one for shapes alone (Meta), and one that joins them
// for autograd.
#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/render_backward.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "operators/dispatch.h"

namespace neurosplat::operators {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The arguments that are no tensors and no sizes.
struct Choices {
  std::string form, output, renderer;
  double cutoff;
  std::int64_t chunk;

  Choices(std::string_view given_form, std::string_view given_output,
          std::string_view given_renderer, double given_cutoff, std::int64_t given_chunk)
      : form(given_form),
        output(given_output),
        renderer(given_renderer),
        cutoff(given_cutoff),
        chunk(given_chunk) {}

  RenderOptions options() const {
    if (form != "raw" && form != "activated") {
      throw UsageError(text("form: expected raw or activated, got '", form, "'"));
    }
    if (output != "sigmoid" && output != "linear") {
      throw UsageError(text("output: expected sigmoid or linear, got '", output, "'"));
    }
    return {.form = form == "raw" ? PacketForm::raw : PacketForm::activated,
            .output = output == "sigmoid" ? Output::sigmoid : Output::linear,
            .renderer = renderer_from_name(renderer),
            .chunk = chunk,
            .cutoff = cutoff};
  }
};

at::Tensor draw(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                std::string_view form, std::string_view output, std::string_view renderer,
                double cutoff, std::int64_t chunk) {
  return refusing([&] {
    const at::NoGradGuard no_gradient;
    const Choices choices{form, output, renderer, cutoff, chunk};
    return render(packets, height, width, choices.options()).contiguous();
  });
}

at::Tensor draw_backward(const at::Tensor& picture_gradient, const at::Tensor& packets,
                         const std::optional<at::Tensor>& picture, std::string_view form,
                         std::string_view output, std::string_view renderer, double cutoff,
                         std::int64_t chunk) {
  return refusing([&] {
    const WithAutograd within;
    const Choices choices{form, output, renderer, cutoff, chunk};
    return render_backward(picture_gradient, packets, picture.value_or(at::Tensor()),
                           choices.options())
        .detach()
        .contiguous();
  });
}

/// As render() checks what has real sizes.
void check_shape(const at::Tensor& packets) {
  TORCH_CHECK_VALUE(packets.dim() == 3,
                    "packets: expected [B >= 1, N >= 1, 5 + 2 * channels] numbers, got ",
                    packets.sym_sizes());
  TORCH_CHECK_VALUE(packets.sym_size(2) >= 7 && packets.sym_size(2) % 2 == 1,
                    "packets: expected [B >= 1, N >= 1, 5 + 2 * channels] numbers, got ",
                    packets.sym_sizes());
  TORCH_CHECK_VALUE(packets.scalar_type() == at::kFloat || packets.scalar_type() == at::kDouble,
                    "packets: expected float32 or float64, got ", packets.scalar_type());
}

at::Tensor draw_shape(const at::Tensor& packets, c10::SymInt height, c10::SymInt width,
                      std::string_view form, std::string_view output, std::string_view renderer,
                      double cutoff, std::int64_t chunk) {
  check_shape(packets);
  refusing([&] { return Choices{form, output, renderer, cutoff, chunk}.options(); });
  const auto channels = (packets.sym_size(2) - packet::kCoefficients) / 2;
  return at::empty_symint({packets.sym_size(0), channels, std::move(height), std::move(width)},
                          packets.options());
}

at::Tensor draw_backward_shape(const at::Tensor&, const at::Tensor& packets,
                               const std::optional<at::Tensor>&, std::string_view, std::string_view,
                               std::string_view, double, std::int64_t) {
  check_shape(packets);
  return at::empty_symint(packets.sym_sizes(), packets.options());
}

at::Tensor call_draw(const at::Tensor& packets, const c10::SymInt& height, const c10::SymInt& width,
                     const Choices& choices) {
  static const auto op =
      operator_of<at::Tensor(const at::Tensor&, c10::SymInt, c10::SymInt, std::string_view,
                             std::string_view, std::string_view, double, std::int64_t)>(
          "neurosplat::render");
  return op.call(packets, height, width, choices.form, choices.output, choices.renderer,
                 choices.cutoff, choices.chunk);
}

at::Tensor call_draw_backward(const at::Tensor& picture_gradient, const at::Tensor& packets,
                              const std::optional<at::Tensor>& picture, const Choices& choices) {
  static const auto op = operator_of<at::Tensor(
      const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
      std::string_view, std::string_view, double, std::int64_t)>("neurosplat::render_backward");
  return op.call(picture_gradient, packets, picture, choices.form, choices.output, choices.renderer,
                 choices.cutoff, choices.chunk);
}

void keep(AutogradContext& context, const Choices& choices) {
  context.saved_data["choices"] = std::make_tuple(choices.form, choices.output, choices.renderer,
                                                  choices.cutoff, choices.chunk);
}

Choices kept(AutogradContext& context) {
  const auto values = context.saved_data["choices"].toTupleRef().elements().vec();
  return {values[0].toStringRef(), values[1].toStringRef(), values[2].toStringRef(),
          values[3].toDouble(), values[4].toInt()};
}

class Drawing : public torch::autograd::Function<Drawing> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& packets,
                            const c10::SymInt& height, const c10::SymInt& width,
                            const Choices& choices) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const auto picture = call_draw(packets, height, width, choices);
    context->save_for_backward({packets, choices.output == "sigmoid" ? picture : at::Tensor()});
    keep(*context, choices);
    return picture;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto picture = saved[1].defined() ? std::optional(saved[1]) : std::nullopt;
    return {call_draw_backward(gradients[0], saved[0], picture, kept(*context)), {}, {}, {}};
  }
};

/// Differentiable once: a second derivative is refused where it is asked for.
class DrawingBackward : public torch::autograd::Function<DrawingBackward> {
 public:
  static at::Tensor forward(AutogradContext*, const at::Tensor& picture_gradient,
                            const at::Tensor& packets, const std::optional<at::Tensor>& picture,
                            const Choices& choices) {
    const at::AutoDispatchBelowADInplaceOrView below;
    return call_draw_backward(picture_gradient, packets, picture, choices);
  }

  static variable_list backward(AutogradContext*, const variable_list&) {
    TORCH_CHECK(false,
                "neurosplat::render: expected one derivative, got a request for a second: use the "
                "dense sum in tensor operations where it is needed");
  }
};

at::Tensor draw_autograd(const at::Tensor& packets, c10::SymInt height, c10::SymInt width,
                         std::string_view form, std::string_view output, std::string_view renderer,
                         double cutoff, std::int64_t chunk) {
  return Drawing::apply(packets, height, width, Choices{form, output, renderer, cutoff, chunk});
}

at::Tensor draw_backward_autograd(const at::Tensor& picture_gradient, const at::Tensor& packets,
                                  const std::optional<at::Tensor>& picture, std::string_view form,
                                  std::string_view output, std::string_view renderer, double cutoff,
                                  std::int64_t chunk) {
  return DrawingBackward::apply(picture_gradient, packets, picture,
                                Choices{form, output, renderer, cutoff, chunk});
}

/// Packets that a network gives under autocast are drawn in float32.
at::Tensor draw_autocast(const at::Tensor& packets, c10::SymInt height, c10::SymInt width,
                         std::string_view form, std::string_view output, std::string_view renderer,
                         double cutoff, std::int64_t chunk) {
  const c10::impl::ExcludeDispatchKeyGuard without(c10::autocast_dispatch_keyset);
  const bool reduced = packets.scalar_type() == at::kHalf || packets.scalar_type() == at::kBFloat16;
  return call_draw(reduced ? packets.to(at::kFloat) : packets, height, width,
                   {form, output, renderer, cutoff, chunk});
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(neurosplat, library) {
  library.def(
      "render(Tensor packets, SymInt height, SymInt width, *, str form='raw', str "
      "output='sigmoid', str renderer='auto', float cutoff=1e-7, int chunk=64) -> Tensor",
      {at::Tag::pt2_compliant_tag});
  library.def(
      "render_backward(Tensor picture_gradient, Tensor packets, Tensor? picture, *, str "
      "form='raw', str output='sigmoid', str renderer='auto', float cutoff=1e-7, int chunk=64) "
      "-> Tensor",
      {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(neurosplat, CPU, library) {
  library.impl("render", draw);
  library.impl("render_backward", draw_backward);
}

TORCH_LIBRARY_IMPL(neurosplat, CUDA, library) {
  library.impl("render", draw);
  library.impl("render_backward", draw_backward);
}

TORCH_LIBRARY_IMPL(neurosplat, Meta, library) {
  library.impl("render", draw_shape);
  library.impl("render_backward", draw_backward_shape);
}

TORCH_LIBRARY_IMPL(neurosplat, Autograd, library) {
  library.impl("render", draw_autograd);
  library.impl("render_backward", draw_backward_autograd);
}

TORCH_LIBRARY_IMPL(neurosplat, AutocastCPU, library) {
  library.impl("render", draw_autocast);
}

TORCH_LIBRARY_IMPL(neurosplat, Autocast, library) {
  library.impl("render", draw_autocast);
}

}  // namespace neurosplat::operators
