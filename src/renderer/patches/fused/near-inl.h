// Which splats a block of pixels has to look at. Bounds of D over the block give bounds of every
// log-weight; the largest lower bound, or black, is the block's floor: no pixel's weights sum to
// less than exp(floor). A splat that stays kUnseen below the floor changes nothing in float32 and
// is left out; the sharp kernels, whose weight stays at exp(-16) far away, have their far splats
// summed once for all pixels.

/// One splat that a block looks at.
struct Near {
  const float* packed;  // its record
  float limit;          // the D from which on no pixel sees it
  float weight, root;   // 2 w less the block's floor; exp(weight / kFallPower)
  std::int32_t index;   // within its cell
  std::int32_t unused[2];
};
static_assert(sizeof(Near) == kNearRecord * sizeof(float));

/// exp(log-weight - floor) of the far splats, and the same times K and their colours.
struct Far {
  float weight, red, green, blue;
};

constexpr int kCells = 9;

struct Reach {
  float floor;
  bool wide;                  // weights may be too far apart for one reference
  std::int64_t ends[kCells];  // near splats of cells 0 .. i
  Far far;
  Near* near;
  // By cell, [kCells][padded splats]:
  float* upper;         // upper bounds of log-weights
  float* far_weight;    // far splats: exp(log-weight - floor), else 0; first lower bounds of D
  float *limit, *root;  // as in Near
};

/// Log-weights above the floor from which pixels take their own reference: exp(64) times a thousand
/// splats of large colours is still a float. And the log-weight at its centre from which a splat
/// that the block sees from far makes them do so.
constexpr float kWide = 64.0f, kHeavy = 250.0f;
/// Log-weights this much below the floor, 4e-11, are not drawn: a thousand of them are less than
/// float32 rounds off.
constexpr float kUnseen = 24.0f;
constexpr float kNone = -1e30f;

/// Black's log-weight, in the units of 2 w.
constexpr float kBlack = static_cast<float>(2 * kMiddleWeight + kBlackLogWeight);

/// Cell `cell` of the nine around tile (row, column), row by row; null where the tile does not see
/// it or the picture ends.
NEUROSPLAT_INLINE const float* cell_of(const Picture& picture, std::int64_t row,
                                       std::int64_t column, int cell) {
  const std::int64_t r = row + cell / 3 - 1, c = column + cell % 3 - 1;
  if (r < 0 || r >= picture.rows || c < 0 || c >= picture.columns) return nullptr;
  if (!picture.neighbours && cell != kCells / 2) return nullptr;
  return picture.packed + (r * picture.columns + c) * packed_cell(picture.splats);
}

/// Bounds of |value| within +-half of it.
NEUROSPLAT_INLINE Vector least(Vector value, Vector half) {
  return larger(magnitude(value) - half, Vector{});
}

/// Upper bounds of the log-weights of a cell's splats, and lower bounds of D; returns the largest
/// lower bound of a log-weight.
template <Kernel kernel>
NEUROSPLAT_INLINE Vector bound_cell(const float* cell, std::int64_t row, const Block& block,
                                    float x, float y, Vector floor, float* upper, float* distance) {
  for (std::int64_t i = 0; i < row; i += kLanes) {
    const Vector scale = load(cell + kPackedScale * row + i);
    const Vector lean = load(cell + kPackedLean * row + i);
    const Vector rest = load(cell + kPackedRest * row + i);
    const Vector dx = x - load(cell + kPackedX * row + i);
    const Vector dy = y - load(cell + kPackedY * row + i);
    const Vector p = scale * dx + lean * dy, q = rest * dy;
    const Vector half_p = magnitude(scale) * block.half_x + magnitude(lean) * block.half_y;
    const Vector half_q = magnitude(rest) * block.half_y;
    const Vector p_least = least(p, half_p), q_least = least(q, half_q);
    const Vector p_most = magnitude(p) + half_p, q_most = magnitude(q) + half_q;
    const Vector nearest = p_least * p_least + q_least * q_least;
    const Vector farthest = p_most * p_most + q_most * q_most;
    const Vector weight = load(cell + kPackedWeight * row + i);
    const Vector lowest =
        is_sharp(kernel) ? -8.0f * lesser(2.0f * farthest, all(2.0f)) : -4.0f * farthest;
    floor = larger(floor, weight + lowest);
    store(upper + i, weight + log_depth<kernel, VectorUse>(nearest));
    store(distance + i, nearest);
  }
  return floor;
}

/// Largest of the lanes, in halves.
NEUROSPLAT_INLINE float largest_of(Vector x) {
  float lanes[kLanes];
  store(lanes, x);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) {
      lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    }
  }
  return lanes[0];
}

/// Takes far splats out of a cell of a sharp kernel: adds them to the sums and strikes them off
/// `upper`. Far is where both the weight and, to float32, K are the same for all pixels.
template <Kernel kernel>
NEUROSPLAT_INLINE void take_far(const float* cell, std::int64_t row, const Reach& reach,
                                Vector (&sums)[4], float* upper, float* distance_then_weight) {
  for (std::int64_t i = 0; i < row; i += kLanes) {
    const Vector log_weight = load(upper + i) - reach.floor,
                 nearest = load(distance_then_weight + i);
    Integers far = nearest >= 1.0f;
    if (kernel == Kernel::kSharpPost) far = far & (log_weight - 2.0f * nearest < -kUnseen);
    const Vector weight = far ? exp_or_zero(log_weight < 0.0f ? log_weight : Vector{}) : Vector{};
    store(distance_then_weight + i, weight);
    store(upper + i, far ? all(kNone) : load(upper + i));
    sums[0] += weight;
    for (int c = 0; c < 3; ++c) sums[1 + c] += weight * load(cell + (kPackedRed + c) * row + i);
  }
}

/// Limits and roots of a cell's splats; `most` and `heaviest` take their upper bounds and weights
/// above the floor in.
template <Kernel kernel>
NEUROSPLAT_INLINE void weigh(const float* cell, std::int64_t row, std::int64_t offset,
                             const Reach& reach, Vector& most, Vector& heaviest) {
  for (std::int64_t i = 0; i < row; i += kLanes) {
    const Vector above = load(reach.upper + offset + i) - reach.floor;
    const Vector weight = load(cell + kPackedWeight * row + i) - reach.floor;
    most = larger(most, above);
    heaviest = larger(heaviest, above >= -kUnseen ? weight : Vector{});
    store(reach.root + offset + i, exponential(weight * (1.0f / kFallPower<kernel>)));
    store(reach.limit + offset + i, distance_at<kernel, VectorUse>(-kUnseen - weight));
  }
}

/// Adds a cell's splats above the floor to the list; returns its new end.
NEUROSPLAT_INLINE std::int64_t take_near(const float* cell, std::int64_t row, std::int64_t offset,
                                         std::int64_t end, const Reach& reach) {
  const float* upper = reach.upper + offset;
  const float* records = cell + kPlanes * row;
  std::int64_t found = end;
  for (std::int64_t i = 0; i < row; ++i) {
    reach.near[found].index = static_cast<std::int32_t>(i);
    found += upper[i] >= reach.floor - kUnseen ? 1 : 0;
  }
  for (std::int64_t n = end; n < found; ++n) {
    Near& one = reach.near[n];
    one.packed = records + one.index * kRecord;
    one.limit = reach.limit[offset + one.index];
    one.root = reach.root[offset + one.index];
    one.weight = one.packed[kPackedWeight] - reach.floor;
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
    floors =
        bound_cell<kernel>(cells[i], row, block, block.middle_x - static_cast<float>(i % 3 - 1),
                           block.middle_y - static_cast<float>(i / 3 - 1), floors,
                           reach.upper + i * row, reach.far_weight + i * row);
  }
  reach.floor = largest_of(floors);
  std::int64_t end = 0;
  Vector most = all(kNone), heaviest{}, far[4] = {};
  for (int i = 0; i < kCells; ++i) {
    if (cells[i] != nullptr) {
      if (is_sharp(kernel)) {
        take_far<kernel>(cells[i], row, reach, far, reach.upper + i * row,
                         reach.far_weight + i * row);
      }
      weigh<kernel>(cells[i], row, i * row, reach, most, heaviest);
      end = take_near(cells[i], row, i * row, end, reach);
    }
    reach.ends[i] = end;
  }
  reach.wide = largest_of(most) > kWide || largest_of(heaviest) > kHeavy;
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
  reach.upper = scratch.floats + count * kNearRecord;
  reach.far_weight = reach.upper + count;
  reach.limit = reach.far_weight + count;
  reach.root = reach.limit + count;
  return reach;
}
