// Splats to pixels.

/// D of one splat at a vector of pixels.
struct Place {
  Vector dx, dy, p, distance;
};

NEUROSPLAT_INLINE Place place_of(const Near& one, const float* x, const float* y) {
  const float* splat = one.packed;
  const Vector dx = load(x) - splat[kPackedX], dy = load(y) - splat[kPackedY];
  const Vector p = splat[kPackedScale] * dx + splat[kPackedLean] * dy;
  const Vector q = splat[kPackedRest] * dy;
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

/// A splat at a vector of pixels: its profile, and its weight over exp(reference), zero where the
/// pixel does not see it. The reference is 0 unless the block is wide.
template <Kernel kernel>
struct Seen {
  Profile<Vector> there;
  Vector weight;
};

template <Kernel kernel, bool kWideBlock>
NEUROSPLAT_INLINE Seen<kernel> see(const Near& one, Vector distance, Vector reference) {
  const Vector most = all(kWideBlock ? 80.0f : one.limit);
  const Integers seen = distance < one.limit;
  Seen<kernel> result;
  result.there = profile<kernel, VectorUse>(is_sharp(kernel) ? distance : lesser(distance, most));
  if (kWideBlock) {
    const Vector log_weight = (one.weight - reference) + log_depth<kernel, VectorUse>(distance);
    result.weight = exp_or_zero(seen ? log_weight : all(kNone)) * result.there.depth_factor;
  } else {
    const Vector weight = weight_of<kernel>(result.there, one.root);
    result.weight = seen ? weight : Vector{};
  }
  return result;
}

/// Near splats that a vector of pixels sees: their places in the list and D.
struct List {
  std::int32_t* who;
  float* distance;
};

static List list_in(const Picture& picture, const Scratch& scratch) {
  const std::int64_t count = kCells * padded(picture.splats);
  return {scratch.index, scratch.floats + count * (kNearRecord + 4)};
}

/// Looks first and computes afterwards: a branch a splat would stall the arithmetic.
NEUROSPLAT_INLINE std::int64_t look(const Block& block, const Reach& reach, std::int64_t at,
                                    const List& list) {
  std::int64_t count = 0;
  for_near(block, reach, [&](const Near& one, const float* x, const float* y, int, std::int64_t n) {
    const Vector distance = place_of(one, x + at, y + at).distance;
    list.who[count] = static_cast<std::int32_t>(n);
    store(list.distance + count * kLanes, distance);
    count += any(distance < one.limit) ? 1 : 0;
  });
  return count;
}

struct Sums {
  Vector weight, red, green, blue;
};

/// Sums of weights and of weighted colours, for one vector of a block's pixels.
template <Kernel kernel, bool kWideBlock>
NEUROSPLAT_INLINE Sums blend(const Block& block, const Reach& reach, Vector reference,
                             std::int64_t at, const List& list) {
  const Vector scale = exp_or_zero(-reference);
  const Vector black = exp_or_zero((kBlack - reach.floor) - reference);
  Sums sums{scale * reach.far.weight + black, scale * reach.far.red, scale * reach.far.green,
            scale * reach.far.blue};
  const std::int64_t count = look(block, reach, at, list);
  for (std::int64_t i = 0; i < count; ++i) {
    const Near& one = reach.near[list.who[i]];
    const auto seen = see<kernel, kWideBlock>(one, load(list.distance + i * kLanes), reference);
    const Vector drawn = seen.weight * seen.there.value;
    sums.weight += seen.weight;
    sums.red += drawn * one.packed[kPackedRed];
    sums.green += drawn * one.packed[kPackedGreen];
    sums.blue += drawn * one.packed[kPackedBlue];
  }
  return sums;
}

/// out: colours and the sum of the weights over exp(reference).
template <Kernel kernel, bool kWideBlock>
static void draw_block(const Block& block, const Reach& reach, const List& list,
                       float (&out)[4][kBlockPixels]) {
  for (std::int64_t at = 0; at < block.vectors * kLanes; at += kLanes) {
    const Vector reference = kWideBlock ? largest_weight<kernel>(block, reach, at) : Vector{};
    const Sums sums = blend<kernel, kWideBlock>(block, reach, reference, at, list);
    const Vector inverse = 2.0f / sums.weight;
    store(out[0] + at, sums.red * inverse - 1.0f);
    store(out[1] + at, sums.green * inverse - 1.0f);
    store(out[2] + at, sums.blue * inverse - 1.0f);
    store(out[3] + at, sums.weight);
  }
}

template <Kernel kernel>
static void draw_with(const Picture& picture, const TileRow& part, float* pixels, float* weights,
                      const Scratch& scratch) {
  const std::int64_t width = picture.columns * picture.tile;
  const std::int64_t plane = picture.rows * picture.tile * width;
  Reach reach = reach_in(picture, scratch);
  const List list = list_in(picture, scratch);
  for_blocks(picture, part, [&](std::int64_t column, const Block& block, std::int64_t place) {
    alignas(64) float out[4][kBlockPixels];
    find_near<kernel>(picture, part.row, column, block, reach);
    if (reach.wide) {
      draw_block<kernel, true>(block, reach, list, out);
    } else {
      draw_block<kernel, false>(block, reach, list, out);
    }
    for (int c = 0; c < 3; ++c) scatter(block, out[c], width, pixels + c * plane + place);
    if (weights != nullptr) scatter(block, out[3], width, weights + place);
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

static void draw(const Picture& picture, const TileRow& part, float* pixels, float* weights,
                 const Scratch& scratch) {
  with_kernel(picture.kernel,
              [&]<Kernel kernel>() { draw_with<kernel>(picture, part, pixels, weights, scratch); });
}
