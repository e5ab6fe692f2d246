#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "neurosplat/evaluation/sample_scores.h"

/// Steps that scores of samples share.
namespace neurosplat {

/// Throws Error where the set gives something else than it was asked for.
at::Tensor pictures_of(const SampleSet& set, std::int64_t first, std::int64_t count);

/// Features [count, D] of pictures, on the CPU. Throws Error where they are something else.
at::Tensor features_of(const PictureFeatures& features, const at::Tensor& pictures);

/// At most `shown` of the set's `count` pictures beside each other under a label. Spread over the
/// set: those of a data set are often in the order of their classes.
at::Tensor shown_row(const SampleSet& set, std::int64_t count, std::int64_t shown,
                     const std::string& label);

/// uint8 as shares of 255, floating-point as it is: float32 on the CPU.
at::Tensor in_unit_range(const at::Tensor& pictures);

/// Of features against real ones.
SampleScore score_of(const std::string& name, const at::Tensor& real, const at::Tensor& features,
                     std::int64_t neighbours);

/// Throws Error when sets of `count` pictures cannot be compared by so many neighbours.
void check_sample_counts(std::int64_t count, std::int64_t neighbours, std::int64_t batch,
                         std::int64_t shown);

}  // namespace neurosplat
