#pragma once

#include <string>

namespace neurosplat {

/// A label as the keys of metrics files are spelt: small letters and digits stay, capitals become
/// small, everything else an underscore: ig_relu for iG-relu. Two labels may share a key.
std::string metrics_key(const std::string& label);

}  // namespace neurosplat
