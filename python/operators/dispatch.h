#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <string>

#include "neurosplat/core/error.h"

namespace neurosplat::operators {

/// What `work` returns; the library's errors become those that PyTorch knows: a UsageError a
/// ValueError, any other a RuntimeError, each of one line.
template <class Work>
auto refusing(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const UsageError& error) {
    TORCH_CHECK_VALUE(false, error.what());
  } catch (const Error& error) {
    TORCH_CHECK(false, error.what());
  }
}

/// While it lives autograd works as outside of operators: a kernel of one finds it switched off.
class WithAutograd {
 public:
  WithAutograd()
      : keys_(c10::impl::tls_local_dispatch_key_set().included_,
              c10::impl::tls_local_dispatch_key_set().excluded_ -
                  c10::autograd_dispatch_keyset_with_ADInplaceOrView) {}

 private:
  c10::impl::ForceDispatchKeyGuard keys_;
  at::AutoGradMode on_{true};
};

/// A registered operator, to be called through PyTorch's dispatcher.
template <class Signature>
c10::TypedOperatorHandle<Signature> operator_of(const std::string& name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name.c_str(), "").typed<Signature>();
}

}  // namespace neurosplat::operators
