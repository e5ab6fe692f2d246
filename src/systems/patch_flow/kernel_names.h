#pragma once

#include <string>

#include "neurosplat/renderer/patches/patches.h"

/// Names of kernels and sharing in options and model files.
namespace neurosplat {

std::string name_of(patches::Kernel kernel);
std::string name_of(patches::Sharing sharing);
/// Throw UsageError that lists the names for another one.
patches::Kernel kernel_from_name(const std::string& name);
patches::Sharing sharing_from_name(const std::string& name);

}  // namespace neurosplat
