// Which splats a block of pixels has to look at. Bounds of D over the block give bounds of every
// log-weight; the largest lower bound, or black, is the block's floor: no pixel's weights sum to
// less than exp(floor - 8). A splat that stays kUnseen below the floor changes nothing in float32
// and is left out; the sharp kernels, whose weight stays at exp(-16) far away, have their far splats
// summed once for all pixels.

/// One splat that a block looks at. The weight is 2 w less the block's floor.
struct Near {
  float offset_x, offset_y, scale_x, scale_y;
  float lean_x, lean_y;  // correlation times scale_x, times scale_y
  float rest_y;          // sqrt(1 - correlation^2) scale_y
  float weight, red, green, blue;
  float unused[kNearNumbers - 11];
};

/// exp(log-weight - floor) of the far splats, and the same times K and their colours.
struct Far {
  float weight, red, green, blue;
};

constexpr int kCells = 9;

struct Reach {
  float floor;
  bool wide;                   // weights may be too large for one reference
  std::int64_t ends[kCells];   // near splats of cells 0 .. i
  Far far;
  Near* near;
  std::int32_t* index;         // their places within their cells
  float* upper;                // [kCells][padded splats] upper bounds of log-weights; then, for
  float* far_weight;           // far splats, exp(log-weight - floor), else 0
};

/// Log-weights above the floor from which pixels take their own reference: exp(64) times a thousand
/// splats of large colours is still a float.
constexpr float kWide = 64.0f;
/// Log-weights this much below what a pixel has anyway, 4e-11, are not drawn: a thousand of them
/// are less than float32 rounds off.
constexpr float kUnseen = 24.0f;
constexpr float kNone = -1e30f;

/// exp(2 w) at w = 32 and black, in the units of 2 w.
constexpr float kBlack = static_cast<float>(2 * kMiddleWeight + kBlackLogWeight);

/// First of the cells 0 .. 8, row by row, whose splats a block of tile (row, column) may see, or
/// null where the picture ends.
NEUROSPLAT_INLINE const float* cell_of(const Picture& picture, std::int64_t row,
                                       std::int64_t column, int cell) {
  const std::int64_t r = row + cell / 3 - 1, c = column + cell % 3 - 1;
  if (r < 0 || r >= picture.rows || c < 0 || c >= picture.columns) return nullptr;
  if (!picture.neighbours && cell != kCells / 2) return nullptr;
  return picture.packed + (r * picture.columns + c) * kPlanes * padded(picture.splats);
}

/// Bounds of |value| within +-half of it.
NEUROSPLAT_INLINE Vector least(Vector value, Vector half) {
  return larger(magnitude(value) - half, Vector{});
}

/// Upper bounds of the log-weights of a cell's splats, and lower bounds of D; returns the largest
/// lower bound of a log-weight.
template <Kernel kernel>
NEUROSPLAT_INLINE Vector bound_cell(const float* cell, std::int64_t row, const Block& block,
                                    float x, float y, Vector floor, float* upper,
                                    float* distance) {
  for (std::int64_t i = 0; i < row; i += kLanes) {
    const Vector scale_x = load(cell + kScaleX * row + i), scale_y = load(cell + kScaleY * row + i);
    const Vector lean = load(cell + kCorrelation * row + i) * scale_y;
    const Vector rest = load(cell + kRoot * row + i) * scale_y;
    const Vector dx = x - load(cell + kOffsetX * row + i);
    const Vector dy = y - load(cell + kOffsetY * row + i);
    const Vector p = scale_x * dx + lean * dy, q = rest * dy;
    const Vector half_p = magnitude(scale_x) * block.half_x + magnitude(lean) * block.half_y;
    const Vector half_q = magnitude(rest) * block.half_y;
    const Vector p_least = least(p, half_p), q_least = least(q, half_q);
    const Vector p_most = magnitude(p) + half_p, q_most = magnitude(q) + half_q;
    const Vector nearest = p_least * p_least + q_least * q_least;
    const Vector farthest = p_most * p_most + q_most * q_most;
    const Vector weight = 2.0f * load(cell + kWeight * row + i);
    const Vector lowest = is_sharp(kernel) ? -8.0f * lesser(2.0f * farthest, all(2.0f))
                                           : -4.0f * farthest;
    floor = larger(floor, weight + lowest);
    store(upper + i, weight + log_depth<kernel, VectorUse>(nearest));
    store(distance + i, nearest);
  }
  return floor;
}

NEUROSPLAT_INLINE float largest_of(Vector x) {
  float lanes[kLanes];
  store(lanes, x);
  float result = lanes[0];
  for (int i = 1; i < kLanes; ++i) result = result > lanes[i] ? result : lanes[i];
  return result;
}

/// Takes far splats out of a cell of a sharp kernel: adds them to the sums and strikes them off
/// `upper`. Far is where both the weight and, to float32, K are the same for all pixels.
template <Kernel kernel>
NEUROSPLAT_INLINE void take_far(const float* cell, std::int64_t row, float floor, Vector (&sums)[4],
                                float* upper, float* distance_then_weight) {
  for (std::int64_t i = 0; i < row; i += kLanes) {
    const Vector log_weight = load(upper + i) - floor, nearest = load(distance_then_weight + i);
    Integers far = nearest >= 1.0f;
    if (kernel == Kernel::kSharpPost) far = far & (log_weight - 2.0f * nearest < -kUnseen);
    const Vector weight = far ? exp_or_zero(log_weight < 0.0f ? log_weight : Vector{}) : Vector{};
    store(distance_then_weight + i, weight);
    store(upper + i, far ? all(kNone) : load(upper + i));
    sums[0] += weight;
    for (int c = 0; c < 3; ++c) sums[1 + c] += weight * load(cell + (kRed + c) * row + i);
  }
}

/// Adds a cell's splats above the floor to the list; returns its new end.
NEUROSPLAT_INLINE std::int64_t take_near(const float* cell, std::int64_t row, float floor,
                                         const float* upper, std::int64_t end, Near* near,
                                         std::int32_t* index) {
  std::int64_t found = end;
  for (std::int64_t i = 0; i < row; ++i) {
    index[found] = static_cast<std::int32_t>(i);
    found += upper[i] >= floor - kUnseen ? 1 : 0;
  }
  for (std::int64_t n = end; n < found; ++n) {
    const float* splat = cell + index[n];
    Near& one = near[n];
    one.offset_x = splat[kOffsetX * row];
    one.offset_y = splat[kOffsetY * row];
    one.scale_x = splat[kScaleX * row];
    one.scale_y = splat[kScaleY * row];
    one.lean_x = splat[kCorrelation * row] * one.scale_x;
    one.lean_y = splat[kCorrelation * row] * one.scale_y;
    one.rest_y = splat[kRoot * row] * one.scale_y;
    one.weight = 2.0f * splat[kWeight * row] - floor;
    one.red = splat[kRed * row];
    one.green = splat[kGreen * row];
    one.blue = splat[kBlue * row];
  }
  return found;
}

/// Not inlined, so that drawing and going back round alike.
template <Kernel kernel>
__attribute__((noinline)) static void find_near(const Picture& picture, std::int64_t tile_row,
                                                std::int64_t column, const Block& block,
                                                Reach& reach) {
  const std::int64_t row = padded(picture.splats);
  Vector floors = all(kBlack);
  const float* cells[kCells];
  for (int i = 0; i < kCells; ++i) {
    cells[i] = cell_of(picture, tile_row, column, i);
    if (cells[i] == nullptr) continue;
    floors = bound_cell<kernel>(cells[i], row, block, block.middle_x - static_cast<float>(i % 3 - 1),
                                block.middle_y - static_cast<float>(i / 3 - 1), floors,
                                reach.upper + i * row, reach.far_weight + i * row);
  }
  const float floor = largest_of(floors);
  reach.floor = floor;
  std::int64_t end = 0;
  Vector highest = all(kNone), far[4] = {};
  for (int i = 0; i < kCells; ++i) {
    if (cells[i] != nullptr) {
      float* upper = reach.upper + i * row;
      if (is_sharp(kernel)) {
        take_far<kernel>(cells[i], row, floor, far, upper, reach.far_weight + i * row);
      }
      for (std::int64_t k = 0; k < row; k += kLanes) highest = larger(highest, load(upper + k));
      end = take_near(cells[i], row, floor, upper, end, reach.near, reach.index);
    }
    reach.ends[i] = end;
  }
  reach.wide = largest_of(highest) - floor > kWide;
  if (is_sharp(kernel)) {
    const float k = kernel == Kernel::kSharp ? static_cast<float>(kSharpFloor) : 0.0f;
    reach.far = {sum_of(far[0]), k * sum_of(far[1]), k * sum_of(far[2]), k * sum_of(far[3])};
  }
}

static Reach reach_in(const Picture& picture, const Scratch& scratch) {
  const std::int64_t count = kCells * padded(picture.splats);
  Reach reach;
  reach.far = {};
  reach.near = reinterpret_cast<Near*>(scratch.floats);
  reach.upper = scratch.floats + count * kNearNumbers;
  reach.far_weight = reach.upper + count;
  reach.index = scratch.index;
  return reach;
}
