#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "operators/dispatch.h"

namespace neurosplat::operators {

template <class Value>
c10::IValue kept(Value value) {
  if constexpr (std::is_same_v<Value, std::string_view>) {
    return std::string(value);
  } else {
    return value;
  }
}

template <class Value>
Value read(const c10::IValue& kept) {
  if constexpr (std::is_same_v<Value, std::string_view>) {
    return kept.toStringRef();
  } else {
    return kept.to<Value>();
  }
}

/// The kernels of an operator NAME(Tensor given, Choice...) -> Tensor and of its way back,
/// NAME_backward(Tensor gradient, Tensor given, Choice...) -> Tensor, which calls `Forward` once
/// more and takes its gradient. `Shape` makes an empty result from the shape of `given`, which may
/// be symbolic.
template <class Name, auto Forward, auto Shape, class... Choice>
struct RedrawnOperator {
  static at::Tensor forward(const at::Tensor& given, Choice... choice) {
    return refusing([&] {
      const at::NoGradGuard no_gradient;
      return Forward(given, choice...).contiguous();
    });
  }

  static at::Tensor backward(const at::Tensor& gradient, const at::Tensor& given,
                             Choice... choice) {
    return refusing([&] {
      const WithAutograd within;
      const auto leaf = given.detach().requires_grad_(true);
      const auto result = Forward(leaf, choice...);
      TORCH_CHECK_VALUE(
          gradient.sizes() == result.sizes() && gradient.scalar_type() == result.scalar_type() &&
              gradient.device() == result.device(),
          "gradient: expected ", result.sizes(), " ", result.scalar_type(), " on ", result.device(),
          ", got ", gradient.sizes(), " ", gradient.scalar_type(), " on ", gradient.device());
      return torch::autograd::grad({result}, {leaf}, {gradient})[0].detach().contiguous();
    });
  }

  static at::Tensor backward_shape(const at::Tensor&, const at::Tensor& given, Choice...) {
    return at::empty_symint(given.sym_sizes(), given.options());
  }

  struct Autograd : torch::autograd::Function<Autograd> {
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given,
                              Choice... choice) {
      const at::AutoDispatchBelowADInplaceOrView below;
      context->save_for_backward({given});
      context->saved_data["choices"] =
          c10::ivalue::Tuple::create(std::vector<c10::IValue>{kept(choice)...});
      return call<at::Tensor(const at::Tensor&, Choice...)>("", given, choice...);
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext* context,
        const torch::autograd::variable_list& gradients) {
      const auto choices = context->saved_data["choices"].toTupleRef().elements().vec();
      const auto given = context->get_saved_variables()[0];
      auto result = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return call<at::Tensor(const at::Tensor&, const at::Tensor&, Choice...)>(
            "_backward", gradients[0], given, read<Choice>(choices[I])...);
      }
      (std::index_sequence_for<Choice...>{});
      torch::autograd::variable_list all(1 + sizeof...(Choice));
      all[0] = std::move(result);
      return all;
    }
  };

  /// Differentiable once: a second derivative is refused where it is asked for.
  struct AutogradBackward : torch::autograd::Function<AutogradBackward> {
    static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& gradient,
                              const at::Tensor& given, Choice... choice) {
      const at::AutoDispatchBelowADInplaceOrView below;
      return call<at::Tensor(const at::Tensor&, const at::Tensor&, Choice...)>(
          "_backward", gradient, given, choice...);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                   const torch::autograd::variable_list&) {
      TORCH_CHECK(false, "neurosplat::", Name::value,
                  ": expected one derivative, got a request for a second: there is none");
    }
  };

  static at::Tensor autograd(const at::Tensor& given, Choice... choice) {
    return Autograd::apply(given, choice...);
  }

  static at::Tensor autograd_backward(const at::Tensor& gradient, const at::Tensor& given,
                                      Choice... choice) {
    return AutogradBackward::apply(gradient, given, choice...);
  }

  /// `choices` is their part of the schema, with a comma before it.
  static void define(torch::Library& library, const std::string& choices) {
    const std::string name = Name::value;
    library.def((name + "(Tensor given" + choices + ") -> Tensor").c_str(),
                {at::Tag::pt2_compliant_tag});
    library.def(
        (name + "_backward(Tensor gradient, Tensor given" + choices + ") -> Tensor").c_str(),
        {at::Tag::pt2_compliant_tag});
    for (const auto key : {c10::DispatchKey::CPU, c10::DispatchKey::CUDA}) {
      library.impl(name.c_str(), torch::dispatch(key, forward));
      library.impl((name + "_backward").c_str(), torch::dispatch(key, backward));
    }
    library.impl(name.c_str(), torch::dispatch(c10::DispatchKey::Meta, Shape));
    library.impl((name + "_backward").c_str(),
                 torch::dispatch(c10::DispatchKey::Meta, backward_shape));
    library.impl(name.c_str(), torch::dispatch(c10::DispatchKey::Autograd, autograd));
    library.impl((name + "_backward").c_str(),
                 torch::dispatch(c10::DispatchKey::Autograd, autograd_backward));
  }

 private:
  template <class Signature, class... Argument>
  static at::Tensor call(const char* ending, Argument&&... argument) {
    static const auto op =
        operator_of<Signature>(std::string("neurosplat::") + Name::value + ending);
    return op.call(std::forward<Argument>(argument)...);
  }
};

}  // namespace neurosplat::operators
