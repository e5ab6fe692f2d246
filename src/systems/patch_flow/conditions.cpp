#include "neurosplat/systems/patch_flow/conditions.h"

#include <ATen/ATen.h>

namespace neurosplat {
namespace {

template <class Change>
Conditions changed(Conditions conditions, const Change& change) {
  for (auto* tensor : {&conditions.vision, &conditions.semantic, &conditions.weights}) {
    if (tensor->defined()) *tensor = change(*tensor);
  }
  return conditions;
}

}  // namespace

Conditions Conditions::narrow(std::int64_t first, std::int64_t count) const {
  return changed(*this, [&](const at::Tensor& rows) { return rows.narrow(0, first, count); });
}

Conditions Conditions::repeated(std::int64_t count) const {
  return changed(*this, [&](const at::Tensor& row) { return row.expand({count, row.size(1)}); });
}

}  // namespace neurosplat
