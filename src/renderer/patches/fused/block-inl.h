// Packed cells, the pixels of a block, and what patch.h's formulas are made of by the vector.

struct VectorUse {
  using Constant = float;

  NEUROSPLAT_INLINE static Vector all(float value) {
    return neurosplat::patches::fused::all(value);
  }
  NEUROSPLAT_INLINE static Vector lesser(Vector x, Vector y) { return x < y ? x : y; }
  NEUROSPLAT_INLINE static Vector select(Integers which, Vector yes, Vector no) {
    return which ? yes : no;
  }
  /// For -87 <= x <= 0.
  NEUROSPLAT_INLINE static Vector exp(Vector x) { return exp_of_negative(x); }
  NEUROSPLAT_INLINE static void sincos(Vector half_turns, Vector& sine, Vector& cosine) {
    const auto both = sincos_half_turns(half_turns);
    sine = both.sine;
    cosine = both.cosine;
  }
};

/// 2 w of a splat that no block sees: below what callers may give.
constexpr float kNowhere = -4e6f;

NEUROSPLAT_INLINE void pack_splat(const float* splat, float* packed) {
  const float correlation = splat[kCorrelation], scale = splat[kScaleY];
  packed[kPackedX] = splat[kOffsetX];
  packed[kPackedY] = splat[kOffsetY];
  packed[kPackedScale] = splat[kScaleX];
  packed[kPackedLean] = correlation * scale;
  packed[kPackedRest] = __builtin_sqrtf((1.0f - correlation) * (1.0f + correlation)) * scale;
  packed[kPackedWeight] = 2.0f * splat[kWeight];
  packed[kPackedRed] = splat[kRed];
  packed[kPackedGreen] = splat[kGreen];
  packed[kPackedBlue] = splat[kBlue];
}

static std::int64_t pack(const float* splats, std::int64_t count, float limit, float* cell) {
  for (std::int64_t i = 0; i < count * kNumbers; ++i) {
    const float most = i % kNumbers == kCorrelation ? 1.0f : limit;
    if (!(splats[i] >= -most && splats[i] <= most)) return i;
  }
  const std::int64_t row = padded(count);
  float* records = cell + kPlanes * row;
  for (std::int64_t i = 0; i < row; ++i) {
    float* packed = records + i * kRecord;
    for (int k = 0; k < kRecord; ++k) packed[k] = k == kPackedWeight ? kNowhere : 0.0f;
    if (i < count) pack_splat(splats + i * kNumbers, packed);
    for (int k = 0; k < kPlanes; ++k) cell[k * row + i] = packed[k];
  }
  return -1;
}

/// A rectangle of a tile's pixels, packed row by row; what is left of the last vector repeats the
/// last pixel. x[1 + i]: positions in units of the tile, seen from the cell i tiles to the right.
struct Block {
  std::int64_t first_row, first_column, rows, columns;  // pixels of the tile
  std::int64_t pixels, vectors;
  alignas(64) float x[3][kBlockPixels], y[3][kBlockPixels];
  float middle_x, middle_y, half_x, half_y;  // of the pixels' centres
};

/// First pixel of part `part` of a tile's side.
NEUROSPLAT_INLINE std::int64_t part_start(std::int64_t tile, std::int64_t part) {
  return tile * part / blocks_a_side(tile);
}

NEUROSPLAT_INLINE float position(std::int64_t tile, std::int64_t pixel, int cell) {
  const double at = (static_cast<double>(pixel) + 0.5) / static_cast<double>(tile);
  return static_cast<float>(at - cell);
}

static void make_block(std::int64_t tile, std::int64_t block_row, std::int64_t block_column,
                       Block& block) {
  block.first_row = part_start(tile, block_row);
  block.first_column = part_start(tile, block_column);
  block.rows = part_start(tile, block_row + 1) - block.first_row;
  block.columns = part_start(tile, block_column + 1) - block.first_column;
  block.pixels = block.rows * block.columns;
  block.vectors = (block.pixels + kLanes - 1) / kLanes;
  for (int cell = -1; cell <= 1; ++cell) {
    float across[kBlockSide];
    for (std::int64_t c = 0; c < block.columns; ++c) {
      across[c] = position(tile, block.first_column + c, cell);
    }
    float* x = block.x[cell + 1];
    float* y = block.y[cell + 1];
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const float down = position(tile, block.first_row + r, cell);
      for (std::int64_t c = 0; c < block.columns; ++c) {
        x[r * block.columns + c] = across[c];
        y[r * block.columns + c] = down;
      }
    }
    for (std::int64_t i = block.pixels; i < block.vectors * kLanes; ++i) {
      x[i] = x[block.pixels - 1];
      y[i] = y[block.pixels - 1];
    }
  }
  const float* x = block.x[1];
  const float* y = block.y[1];
  block.middle_x = 0.5f * (x[0] + x[block.pixels - 1]);
  block.middle_y = 0.5f * (y[0] + y[block.pixels - 1]);
  block.half_x = 0.5f * (x[block.pixels - 1] - x[0]);
  block.half_y = 0.5f * (y[block.pixels - 1] - y[0]);
}

/// Calls work(block, place of its first pixel) for the blocks of a part of a tile row; `width` of
/// the picture. work(column, block, place).
template <class Work>
NEUROSPLAT_INLINE void for_blocks(const Picture& picture, const TileRow& part, const Work& work) {
  const std::int64_t width = picture.columns * picture.tile;
  const std::int64_t side = blocks_a_side(picture.tile);
  Block block;
  for (std::int64_t block_row = part.first; block_row < part.last; ++block_row) {
    for (std::int64_t block_column = 0; block_column < side; ++block_column) {
      make_block(picture.tile, block_row, block_column, block);
      for (std::int64_t column = 0; column < picture.columns; ++column) {
        const std::int64_t place = (part.row * picture.tile + block.first_row) * width +
                                   column * picture.tile + block.first_column;
        work(column, block, place);
      }
    }
  }
}

/// A block's pixels out of a picture of `width`, and back.
NEUROSPLAT_INLINE void gather(const Block& block, const float* from, std::int64_t width,
                              float* pixels) {
  for (std::int64_t r = 0; r < block.rows; ++r) {
    for (std::int64_t c = 0; c < block.columns; ++c) {
      pixels[r * block.columns + c] = from[r * width + c];
    }
  }
}

NEUROSPLAT_INLINE void scatter(const Block& block, const float* pixels, std::int64_t width,
                               float* to) {
  for (std::int64_t r = 0; r < block.rows; ++r) {
    for (std::int64_t c = 0; c < block.columns; ++c) {
      to[r * width + c] = pixels[r * block.columns + c];
    }
  }
}
