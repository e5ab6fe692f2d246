#include "systems/patch_flow/kernel_names.h"

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

using patches::Kernel;
using patches::Sharing;

std::string name_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::kExponential:
      return "exponential";
    case Kernel::kCosine:
      return "cosine";
    case Kernel::kSharp:
      return "sharp";
    case Kernel::kSharpPost:
      return "sharp-post";
  }
  throw Error("a kernel without a name");
}

std::string name_of(Sharing sharing) {
  return sharing == Sharing::kOwn ? "own" : "3x3";
}

Kernel kernel_from_name(const std::string& name) {
  for (const auto kernel :
       {Kernel::kExponential, Kernel::kCosine, Kernel::kSharp, Kernel::kSharpPost}) {
    if (name_of(kernel) == name) return kernel;
  }
  throw UsageError(
      text("kernel: expected exponential, cosine, sharp or sharp-post, got '", name, "'"));
}

Sharing sharing_from_name(const std::string& name) {
  for (const auto sharing : {Sharing::kOwn, Sharing::kNeighbours}) {
    if (name_of(sharing) == name) return sharing;
  }
  throw UsageError(text("sharing: expected own or 3x3, got '", name, "'"));
}

}  // namespace neurosplat
