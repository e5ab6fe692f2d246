// From pixels back to splats. With y = (pixel + 1) / 2 the blend, G = 2 dL/dpixel, Y = sum_c G_c
// y_c, A = sum_c G_c colour_c and s = g / (sum g + 1e-6) the splat's share of the pixel,
//   dL/dcolour_c = s K G_c,  dL/dlog g = s (K A - Y),  dL/dK = s A.

/// Of one block: what its pixels say of every splat.
struct PixelGradients {
  alignas(64) float g[3][kBlockPixels];
  alignas(64) float total[kBlockPixels];      // Y
  alignas(64) float inverse[kBlockPixels];    // 1 / the sum of weights over exp(reference)
  alignas(64) float reference[kBlockPixels];  // 0 unless the block is wide
  alignas(64) float lift[kBlockPixels];       // what D may be less for a splat to be seen
};

static void load_gradients(const Block& block, std::int64_t width, std::int64_t plane, bool sharp,
                           const float* pixels, const float* weights, const float* gradient,
                           PixelGradients& to) {
  alignas(64) float drawn[3][kBlockPixels];
  for (int c = 0; c < 3; ++c) {
    gather(block, gradient + c * plane, width, to.g[c]);
    gather(block, pixels + c * plane, width, drawn[c]);
  }
  gather(block, weights, width, to.inverse);
  for (std::int64_t i = block.pixels; i < block.vectors * kLanes; ++i) {
    for (int c = 0; c < 3; ++c) to.g[c][i] = drawn[c][i] = 0.0f;
    to.inverse[i] = 1e30f;
  }
  for (std::int64_t i = 0; i < block.vectors * kLanes; i += kLanes) {
    Vector total{};
    for (int c = 0; c < 3; ++c) {
      const Vector g = 2.0f * load(to.g[c] + i);
      store(to.g[c] + i, g);
      total += g * (0.5f * load(drawn[c] + i) + 0.5f);
    }
    store(to.total + i, total);
    const Vector weights_of = load(to.inverse + i);
    store(to.inverse + i, 1.0f / weights_of);
    store(to.reference + i, Vector{});
    // log h is -4 D; that of the sharp kernels is flat in places, and their D stays as it is.
    store(to.lift + i, sharp ? Vector{} : 0.25f * logarithm(weights_of));
  }
}

/// Adds what a vector of pixels says of a splat.
template <Kernel kernel, bool kWideBlock>
NEUROSPLAT_INLINE void add_sums(const Near& one, const Place& place, const PixelGradients& pixels,
                                std::int64_t at, Vector* sums) {
  const float* splat = one.packed;
  const auto seen = see<kernel, kWideBlock>(one, place.distance, load(pixels.reference + at));
  const Vector share = seen.weight * load(pixels.inverse + at);
  const Vector drawn = share * seen.there.value;
  const Vector g0 = load(pixels.g[0] + at), g1 = load(pixels.g[1] + at),
               g2 = load(pixels.g[2] + at);
  const Vector along = splat[kPackedRed] * g0 + splat[kPackedGreen] * g1 + splat[kPackedBlue] * g2;
  const Vector log_slope = seen.there.value * along - load(pixels.total + at);
  const Vector slope =
      share * (along * seen.there.value_slope + log_slope * seen.there.depth_slope);
  const Vector slope_p = slope * place.p, slope_y = slope * place.dy;
  sums[kSlopeP] += slope_p;
  sums[kSlopeY] += slope_y;
  sums[kSlopePX] += slope_p * place.dx;
  sums[kSlopePY] += slope_p * place.dy;
  sums[kSlopeYY] += slope_y * place.dy;
  sums[kSumRed] += drawn * g0;
  sums[kSumGreen] += drawn * g1;
  sums[kSumBlue] += drawn * g2;
  sums[kSumLogWeight] += share * log_slope;
}

/// Sums of a cell that a tile of `column` sees as `cell`, in the bands of its tile row.
NEUROSPLAT_INLINE float* sums_of_cell(const Picture& picture, std::int64_t column, int cell,
                                      float* sums) {
  const std::int64_t band = picture.neighbours ? cell / 3 : 0;
  return sums + (band * picture.columns + column + cell % 3 - 1) * picture.splats * kSumLine;
}

/// Far splats of a sharp kernel: their share is the same for all pixels but for the pixels' sums.
template <Kernel kernel>
static void far_gradient(const Block& block, const PixelGradients& pixels, const float* cell,
                         std::int64_t splats, const float* far_weight, float* sums) {
  const std::int64_t row = padded(splats);
  Vector shares[4] = {};
  for (std::int64_t at = 0; at < block.vectors * kLanes; at += kLanes) {
    const Vector share = exp_or_zero(-load(pixels.reference + at)) * load(pixels.inverse + at);
    for (int c = 0; c < 3; ++c) shares[c] += share * load(pixels.g[c] + at);
    shares[3] += share * load(pixels.total + at);
  }
  constexpr float kValue = kernel == Kernel::kSharp ? static_cast<float>(kSharpFloor) : 0.0f;
  float g[3];
  for (int c = 0; c < 3; ++c) g[c] = kValue * sum_of(shares[c]);
  const float total = sum_of(shares[3]);
  for (std::int64_t i = 0; i < splats; i += kLanes) {
    const Vector weight = load(far_weight + i);
    if (!any(weight > 0.0f)) continue;
    Vector along = all(-total);
    for (int c = 0; c < 3; ++c) along += g[c] * load(cell + (kPackedRed + c) * row + i);
    along *= weight;
    for (std::int64_t k = 0; k < smaller(kLanes, splats - i); ++k) {
      float* to = sums + (i + k) * kSumLine;
      for (int c = 0; c < 3; ++c) to[kSumRed + c] += g[c] * far_weight[i + k];
      to[kSumLogWeight] += along[k];
    }
  }
}

/// The near splats that any pixel of the block sees, beside what else it sees, to `who`; returns
/// their number.
NEUROSPLAT_INLINE std::int64_t look_at_all(const Block& block, const Reach& reach,
                                           const PixelGradients& pixels, std::int32_t* who) {
  std::int64_t count = 0;
  for_near(block, reach, [&](const Near& one, const float* x, const float* y, int, std::int64_t n) {
    Vector nearest = all(-kNone);
    for (std::int64_t at = 0; at < block.vectors * kLanes; at += kLanes) {
      const Vector distance = place_of(one, x + at, y + at).distance;
      nearest = lesser(nearest, distance + load(pixels.lift + at));
    }
    who[count] = static_cast<std::int32_t>(n);
    count += any(nearest < one.limit) ? 1 : 0;
  });
  return count;
}

/// Sums of one splat over the block's pixels, added to a line of sums. kVectors: how many there
/// are, or 0 for `vectors`. A loop that is laid out does not load its constants anew for every
/// splat.
template <Kernel kernel, bool kWideBlock, std::int64_t kVectors>
NEUROSPLAT_INLINE void add_splat(const Near& one, const float* x, const float* y,
                                 const PixelGradients& pixels, std::int64_t vectors, float* line) {
  Vector own[kSumLine] = {};
  const auto add = [&](std::int64_t at) __attribute__((always_inline)) {
    add_sums<kernel, kWideBlock>(one, place_of(one, x + at, y + at), pixels, at, own);
  };
  if constexpr (kVectors > 0) {
    NEUROSPLAT_UNROLL
    for (std::int64_t v = 0; v < kVectors; ++v) add(v * kLanes);
  } else {
    for (std::int64_t v = 0; v < vectors; ++v) add(v * kLanes);
  }
  add_lanes<kSums>(own, line);
}

template <Kernel kernel, bool kWideBlock>
static void near_gradient(const Picture& picture, std::int64_t column, const Block& block,
                          const Reach& reach, const PixelGradients& pixels, std::int32_t* who,
                          float* sums) {
  const std::int64_t count = look_at_all(block, reach, pixels, who);
  int cell = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t n = who[i];
    while (n >= reach.ends[cell]) ++cell;
    const Near& one = reach.near[n];
    float* line = sums_of_cell(picture, column, cell, sums) + one.index * kSumLine;
    const float* x = block.x[cell % 3];
    const float* y = block.y[cell / 3];
    constexpr std::int64_t kWhole = kWideBlock ? 0 : kBlockPixels / kLanes;
    if (block.vectors == kWhole) {
      add_splat<kernel, kWideBlock, kWhole>(one, x, y, pixels, kWhole, line);
    } else {
      add_splat<kernel, kWideBlock, 0>(one, x, y, pixels, block.vectors, line);
    }
  }
}

template <Kernel kernel>
static void block_gradient(const Picture& picture, std::int64_t row, std::int64_t column,
                           const Block& block, const Reach& reach, PixelGradients& pixels,
                           std::int32_t* who, float* sums) {
  if (reach.wide) {
    for (std::int64_t at = 0; at < block.vectors * kLanes; at += kLanes) {
      store(pixels.reference + at, largest_weight<kernel>(block, reach, at));
    }
    near_gradient<kernel, true>(picture, column, block, reach, pixels, who, sums);
  } else {
    near_gradient<kernel, false>(picture, column, block, reach, pixels, who, sums);
  }
  if (!is_sharp(kernel)) return;
  for (int cell = 0; cell < kCells; ++cell) {
    const float* splats = cell_of(picture, row, column, cell);
    if (splats == nullptr) continue;
    far_gradient<kernel>(block, pixels, splats, picture.splats,
                         reach.far_weight + cell * padded(picture.splats),
                         sums_of_cell(picture, column, cell, sums));
  }
}

template <Kernel kernel>
static void gradient_with(const Picture& picture, const TileRow& part, const float* pixels,
                          const float* weights, const float* pixel_gradient, float* sums,
                          const Scratch& scratch) {
  const std::int64_t width = picture.columns * picture.tile;
  const std::int64_t plane = picture.rows * picture.tile * width;
  Reach reach = reach_in(picture, scratch);
  const List list = list_in(picture, scratch);
  PixelGradients gradients;
  for_blocks(picture, part, [&](std::int64_t column, const Block& block, std::int64_t place) {
    find_near<kernel>(picture, part.row, column, block, reach);
    load_gradients(block, width, plane, is_sharp(kernel), pixels + place, weights + place,
                   pixel_gradient + place, gradients);
    block_gradient<kernel>(picture, part.row, column, block, reach, gradients, list.who, sums);
  });
}

static void gradient(const Picture& picture, const TileRow& part, const float* pixels,
                     const float* weights, const float* pixel_gradient, float* sums,
                     const Scratch& scratch) {
  with_kernel(picture.kernel, [&]<Kernel kernel>() {
    gradient_with<kernel>(picture, part, pixels, weights, pixel_gradient, sums, scratch);
  });
}
