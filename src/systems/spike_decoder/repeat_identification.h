#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// Which of all pictures was shown, by responses to other repeats of the same ones: float64 [P], 1
/// where it is told. Odd repeats give each unit's rates, half a spike added to each sum so that
/// none is silent; the picture of the even ones is the most likely one under Poisson counts whose
/// number over all units is given: a gain that all units share, which is most of their noise, says
/// nothing. It needs no picture: a ceiling for every decoder that must also draw one. A count that
/// is missing says nothing. Counts int [P, U, R], R from 2 on; so many `repeats` of the even ones
/// are summed, 0: all.
at::Tensor identified_by_repeats(const at::Tensor& counts, std::int64_t repeats);

}  // namespace neurosplat
