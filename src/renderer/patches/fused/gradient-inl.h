// From pixels back to splats. With y = (pixel + 1) / 2 the blend, G = 2 dL/dpixel, Y = sum_c G_c y_c,
// A = sum_c G_c colour_c and P = g / (sum g + 1e-6) the splat's share of the pixel,
//   dL/dcolour_c = P K G_c,  dL/dlog g = P (K A - Y),  dL/dK = P A.

/// Of one block: the pixels' gradients and what the share needs.
struct PixelGradients {
  alignas(64) float g[3][kBlockPixels];
  alignas(64) float total[kBlockPixels];    // Y
  alignas(64) float log_sum[kBlockPixels];  // of the weights, less the floor
};

static void load_gradients(const Block& block, std::int64_t width, std::int64_t plane,
                           const float* pixels, const float* log_sums, const float* gradient,
                           PixelGradients& to) {
  alignas(64) float drawn[3][kBlockPixels];
  for (int c = 0; c < 3; ++c) {
    gather(block, gradient + c * plane, width, to.g[c]);
    gather(block, pixels + c * plane, width, drawn[c]);
  }
  gather(block, log_sums, width, to.log_sum);
  for (std::int64_t i = block.pixels; i < block.vectors * kLanes; ++i) {
    for (int c = 0; c < 3; ++c) to.g[c][i] = drawn[c][i] = 0.0f;
    to.log_sum[i] = 0.0f;
  }
  for (std::int64_t i = 0; i < block.vectors * kLanes; i += kLanes) {
    Vector total{};
    for (int c = 0; c < 3; ++c) {
      const Vector g = 2.0f * load(to.g[c] + i);
      store(to.g[c] + i, g);
      total += g * (0.5f * load(drawn[c] + i) + 0.5f);
    }
    store(to.total + i, total);
  }
}

/// Adds what a vector of pixels says of a splat.
template <Kernel kernel>
NEUROSPLAT_INLINE void add_sums(const Near& one, const Place& place, const PixelGradients& pixels,
                                std::int64_t at, Vector (&sums)[kSums]) {
  const Vector log_share = (one.weight - load(pixels.log_sum + at)) +
                           log_depth<kernel, VectorUse>(place.distance);
  const auto there = profile<kernel, VectorUse>(place.distance);
  const Vector share = exp_or_zero(log_share) * there.depth_factor;
  const Vector drawn = share * there.value;
  const Vector g0 = load(pixels.g[0] + at), g1 = load(pixels.g[1] + at),
               g2 = load(pixels.g[2] + at);
  const Vector along = one.red * g0 + one.green * g1 + one.blue * g2;
  const Vector log_slope = drawn * along - share * load(pixels.total + at);
  const Vector slope = (share * along) * there.value_slope + log_slope * there.depth_slope;
  const Vector mirror = one.scale_y * place.dy + one.lean_x * place.dx;
  const Vector slope_p = slope * place.p, slope_mirror = slope * mirror;
  sums[kSlopeP] += slope_p;
  sums[kSlopeMirror] += slope_mirror;
  sums[kSlopePX] += slope_p * place.dx;
  sums[kSlopeMirrorY] += slope_mirror * place.dy;
  sums[kSlopeXY] += slope * (place.dx * place.dy);
  sums[kSumRed] += drawn * g0;
  sums[kSumGreen] += drawn * g1;
  sums[kSumBlue] += drawn * g2;
  sums[kSumLogWeight] += log_slope;
}

/// Far splats of a sharp kernel: their share is the same for all pixels but for the pixels' sums.
template <Kernel kernel>
static void far_gradient(const Block& block, const PixelGradients& pixels, const float* cell,
                         std::int64_t row, const float* far_weight, float* sums) {
  Vector shares[4] = {};
  for (std::int64_t at = 0; at < block.vectors * kLanes; at += kLanes) {
    const Vector share = exp_or_zero(-load(pixels.log_sum + at));
    for (int c = 0; c < 3; ++c) shares[c] += share * load(pixels.g[c] + at);
    shares[3] += share * load(pixels.total + at);
  }
  constexpr float kValue = kernel == Kernel::kSharp ? static_cast<float>(kSharpFloor) : 0.0f;
  float g[3];
  for (int c = 0; c < 3; ++c) g[c] = kValue * sum_of(shares[c]);
  const float total = sum_of(shares[3]);
  for (std::int64_t i = 0; i < row; i += kLanes) {
    const Vector weight = load(far_weight + i);
    Vector along = all(-total);
    for (int c = 0; c < 3; ++c) {
      along += g[c] * load(cell + (kRed + c) * row + i);
      float* colour = sums + (kSumRed + c) * row + i;
      store(colour, load(colour) + g[c] * weight);
    }
    float* log_weight = sums + kSumLogWeight * row + i;
    store(log_weight, load(log_weight) + weight * along);
  }
}

/// Sums of a cell that a tile of `column` sees as `cell`, in the bands of its tile row.
NEUROSPLAT_INLINE float* sums_of_cell(const Picture& picture, std::int64_t column, int cell,
                                      float* sums) {
  const std::int64_t band = picture.neighbours ? cell / 3 : 0;
  return sums + (band * picture.columns + column + cell % 3 - 1) * kSums * padded(picture.splats);
}

/// The near splats that any pixel of the block sees, to `who`; returns their number.
template <Kernel kernel>
NEUROSPLAT_INLINE std::int64_t look_again(const Block& block, const Reach& reach,
                                          const PixelGradients& pixels, std::int32_t* who) {
  std::int64_t count = 0;
  for_near(block, reach, [&](const Near& one, const float* x, const float* y, int, std::int64_t n) {
    Vector most = all(kNone);
    for (std::int64_t at = 0; at < block.vectors * kLanes; at += kLanes) {
      const Vector distance = place_of(one, x + at, y + at).distance;
      most = larger(most, log_depth<kernel, VectorUse>(distance) - load(pixels.log_sum + at));
    }
    who[count] = static_cast<std::int32_t>(n);
    count += any(most > -kUnseen - one.weight) ? 1 : 0;
  });
  return count;
}

template <Kernel kernel>
static void block_gradient(const Picture& picture, std::int64_t column, const Block& block,
                           const Reach& reach, const PixelGradients& pixels, std::int32_t* who,
                           float* sums) {
  const std::int64_t row = padded(picture.splats);
  const std::int64_t count = look_again<kernel>(block, reach, pixels, who);
  int cell = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t n = who[i];
    while (n >= reach.ends[cell]) ++cell;
    const Near& one = reach.near[n];
    const float* x = block.x[cell % 3];
    const float* y = block.y[cell / 3];
    Vector own[kSums] = {};
    for (std::int64_t at = 0; at < block.vectors * kLanes; at += kLanes) {
      add_sums<kernel>(one, place_of(one, x + at, y + at), pixels, at, own);
    }
    static_assert(kSums == 9);
    float total[kSums];
    sums_of_eight(own, total);
    total[8] = sum_of(own[8]);
    float* to = sums_of_cell(picture, column, cell, sums) + reach.index[n];
    for (int k = 0; k < kSums; ++k) to[k * row] += total[k];
  }
}

template <Kernel kernel>
static void gradient_with(const Picture& picture, const TileRow& part, const float* pixels,
                          const float* log_sums, const float* pixel_gradient, float* sums,
                          const Scratch& scratch) {
  const std::int64_t width = picture.columns * picture.tile;
  const std::int64_t plane = picture.rows * picture.tile * width, row = padded(picture.splats);
  Reach reach = reach_in(picture, scratch);
  const Seen seen = seen_in(picture, scratch);
  PixelGradients gradients;
  for_blocks(picture, part, [&](std::int64_t column, const Block& block, std::int64_t place) {
    find_near<kernel>(picture, part.row, column, block, reach);
    load_gradients(block, width, plane, pixels + place, log_sums + place, pixel_gradient + place,
                   gradients);
    block_gradient<kernel>(picture, column, block, reach, gradients, seen.who, sums);
    if (!is_sharp(kernel)) return;
    for (int cell = 0; cell < kCells; ++cell) {
      const float* splats = cell_of(picture, part.row, column, cell);
      if (splats == nullptr) continue;
      far_gradient<kernel>(block, gradients, splats, row, reach.far_weight + cell * row,
                           sums_of_cell(picture, column, cell, sums));
    }
  });
}

static void gradient(const Picture& picture, const TileRow& part, const float* pixels,
                     const float* log_sums, const float* pixel_gradient, float* sums,
                     const Scratch& scratch) {
  with_kernel(picture.kernel, [&]<Kernel kernel>() {
    gradient_with<kernel>(picture, part, pixels, log_sums, pixel_gradient, sums, scratch);
  });
}
