// Splats to pixels.

/// D of one splat at a vector of pixels.
struct Place {
  Vector dx, dy, p, distance;
};

NEUROSPLAT_INLINE Place place_of(const Near& one, const float* x, const float* y) {
  const Vector dx = load(x) - one.offset_x, dy = load(y) - one.offset_y;
  const Vector p = one.scale_x * dx + one.lean_y * dy, q = one.rest_y * dy;
  return {dx, dy, p, p * p + q * q};
}

/// Calls work(splat, x, y, place in the list) for the near splats of a block, x and y being the
/// positions of its pixels seen from the splat's cell.
template <class Work>
NEUROSPLAT_INLINE void for_near(const Block& block, const Reach& reach, const Work& work) {
  std::int64_t n = 0;
  for (int cell = 0; cell < kCells; ++cell) {
    const float* x = block.x[cell % 3];
    const float* y = block.y[cell / 3];
    for (; n < reach.ends[cell]; ++n) work(reach.near[n], x, y, cell, n);
  }
}

/// A reference that no log-weight of the pixels exceeds, at least the floor (which is 0 here).
template <Kernel kernel>
static Vector largest_weight(const Block& block, const Reach& reach, std::int64_t at) {
  Vector most{};
  for_near(block, reach, [&](const Near& one, const float* x, const float* y, int, std::int64_t) {
    const Vector distance = place_of(one, x + at, y + at).distance;
    most = larger(most, one.weight + log_depth<kernel, VectorUse>(distance));
  });
  return most;
}

/// Near splats that a vector of pixels sees: their places in the list, D and log-weights.
struct Seen {
  std::int32_t* who;
  float *distance, *log_weight;
};

/// Looks first and computes afterwards: a branch a splat would stall the arithmetic.
template <Kernel kernel>
NEUROSPLAT_INLINE std::int64_t look(const Block& block, const Reach& reach, Vector reference,
                                    std::int64_t at, const Seen& seen) {
  std::int64_t count = 0;
  for_near(block, reach, [&](const Near& one, const float* x, const float* y, int, std::int64_t n) {
    const Vector distance = place_of(one, x + at, y + at).distance;
    const Vector log_weight = (one.weight - reference) + log_depth<kernel, VectorUse>(distance);
    seen.who[count] = static_cast<std::int32_t>(n);
    store(seen.distance + count * kLanes, distance);
    store(seen.log_weight + count * kLanes, log_weight);
    count += any(log_weight > -kUnseen) ? 1 : 0;
  });
  return count;
}

static Seen seen_in(const Picture& picture, const Scratch& scratch) {
  const std::int64_t count = kCells * padded(picture.splats);
  float* distance = scratch.floats + count * (kNearNumbers + 2);
  return {scratch.index + count, distance, distance + count * kLanes};
}

struct Sums {
  Vector weight, red, green, blue;
};

/// Sums of weights and of weighted colours, for one vector of a block's pixels.
template <Kernel kernel>
NEUROSPLAT_INLINE Sums blend(const Block& block, const Reach& reach, Vector reference,
                             std::int64_t at, const Seen& seen) {
  const Vector scale = exp_or_zero(-reference);
  const Vector black = exp_or_zero((kBlack - reach.floor) - reference);
  Sums sums{scale * reach.far.weight + black, scale * reach.far.red, scale * reach.far.green,
            scale * reach.far.blue};
  const std::int64_t count = look<kernel>(block, reach, reference, at, seen);
  for (std::int64_t i = 0; i < count; ++i) {
    const Near& one = reach.near[seen.who[i]];
    const auto there = profile<kernel, VectorUse>(load(seen.distance + i * kLanes));
    const Vector weight = exp_or_zero(load(seen.log_weight + i * kLanes)) * there.depth_factor;
    const Vector drawn = weight * there.value;
    sums.weight += weight;
    sums.red += drawn * one.red;
    sums.green += drawn * one.green;
    sums.blue += drawn * one.blue;
  }
  return sums;
}

template <Kernel kernel>
static void draw_with(const Picture& picture, const TileRow& part, float* pixels, float* log_sums,
                      const Scratch& scratch) {
  const std::int64_t width = picture.columns * picture.tile;
  const std::int64_t plane = picture.rows * picture.tile * width;
  Reach reach = reach_in(picture, scratch);
  const Seen seen = seen_in(picture, scratch);
  for_blocks(picture, part, [&](std::int64_t column, const Block& block, std::int64_t place) {
    alignas(64) float out[4][kBlockPixels];
    find_near<kernel>(picture, part.row, column, block, reach);
    for (std::int64_t at = 0; at < block.vectors * kLanes; at += kLanes) {
      const Vector reference = reach.wide ? largest_weight<kernel>(block, reach, at) : Vector{};
      const Sums sums = blend<kernel>(block, reach, reference, at, seen);
      const Vector inverse = 2.0f / sums.weight;
      store(out[0] + at, sums.red * inverse - 1.0f);
      store(out[1] + at, sums.green * inverse - 1.0f);
      store(out[2] + at, sums.blue * inverse - 1.0f);
      if (log_sums != nullptr) store(out[3] + at, reference + logarithm(sums.weight));
    }
    for (int c = 0; c < 3; ++c) scatter(block, out[c], width, pixels + c * plane + place);
    if (log_sums != nullptr) scatter(block, out[3], width, log_sums + place);
  });
}

/// Calls work with the kernel as a constant.
template <class Work>
NEUROSPLAT_INLINE void with_kernel(Kernel kernel, const Work& work) {
  switch (kernel) {
    case Kernel::kExponential:
      return work.template operator()<Kernel::kExponential>();
    case Kernel::kCosine:
      return work.template operator()<Kernel::kCosine>();
    case Kernel::kSharp:
      return work.template operator()<Kernel::kSharp>();
    case Kernel::kSharpPost:
      return work.template operator()<Kernel::kSharpPost>();
  }
}

static void draw(const Picture& picture, const TileRow& part, float* pixels, float* log_sums,
                 const Scratch& scratch) {
  with_kernel(picture.kernel, [&]<Kernel kernel>() {
    draw_with<kernel>(picture, part, pixels, log_sums, scratch);
  });
}
