#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace neurosplat {

/// Writes samples float [N] in [-1, 1] as a WAV file of one channel and 16 bits, whole or not at
/// all; `rate` in samples a second, 1 to 768,000. Throws UsageError on other samples or rates,
/// Error where the file cannot be written.
void write_wav(const std::filesystem::path& path, const at::Tensor& samples, int rate);

}  // namespace neurosplat
