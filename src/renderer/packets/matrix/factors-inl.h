// From packets to factors. Distances are taken in grid units from a centre kept in two floats, and
// turns from a frequency kept in two: at 16 cycles a single float would cost 3e-6 in the phase.

/// Transposes raw [N, numbers] into the table's rows; the rest of each row repeats the last packet.
static void transpose(const float* raw, std::int64_t numbers, const PacketTable& table) {
  for (std::int64_t n = 0; n < table.row; ++n) {
    const float* one = raw + smaller(n, table.packets - 1) * numbers;
    for (std::int64_t i = 0; i < numbers; ++i) table.data[i * table.row + n] = one[i];
  }
}

static void activate(const float* raw, const float* anchors, const PacketTable& active) {
  const auto numbers = packet::numbers(static_cast<int>(active.channels));
  transpose(raw, numbers, active);
  if (anchors == nullptr) return;
  for (std::int64_t n = 0; n < active.row; n += kLanes) {
    Vector geometry[packet::kCoefficients], out[packet::kCoefficients];
    for (int i = 0; i < packet::kCoefficients; ++i) {
      geometry[i] = load(active.data + i * active.row + n);
    }
    packet::activate_geometry<Vector, VectorArithmetic>(geometry, load(anchors + n),
                                                        load(anchors + active.row + n), out);
    for (int i = 0; i < packet::kCoefficients; ++i) store(active.data + i * active.row + n, out[i]);
  }
  float* coefficients = active.data + packet::kCoefficients * active.row;
  const std::int64_t count = (numbers - packet::kCoefficients) * active.row;
  for (std::int64_t i = 0; i < count; i += kLanes) {
    store(coefficients + i,
          packet::activate_coefficient<Vector, VectorArithmetic>(load(coefficients + i)));
  }
}

/// What one axis needs of the packets of a block.
struct Axis {
  float centre[kBlock], centre_rest[kBlock];  // grid units
  float turns[kBlock], turns_rest[kBlock];    // cycles per grid unit along this axis
  float sharpness[kBlock];                    // 1 / (2 width^2), per unit^2
};

NEUROSPLAT_INLINE void split(double value, float& high, float& rest) {
  high = static_cast<float>(value);
  rest = static_cast<float>(value - static_cast<double>(high));
}

static void load_axis(const BlockTask& task, const AxisPart& part, packet::Number centre,
                      const double* direction, Axis& axis) {
  const float* numbers = task.active->data;
  const std::int64_t row = task.active->row;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    const std::int64_t n = task.order[smaller(i, task.count - 1)];
    const double width = numbers[packet::kWidth * row + n] * part.side;
    split(numbers[centre * row + n] * part.side, axis.centre[i], axis.centre_rest[i]);
    split(numbers[packet::kFrequency * row + n] * direction[n] / part.side, axis.turns[i],
          axis.turns_rest[i]);
    axis.sharpness[i] = static_cast<float>(0.5 / (width * width));
  }
}

struct Complex {
  Vector re, im;
};

/// exp(-d^2 / 2w^2 + 2 pi i turns d) with d = position - centre.
NEUROSPLAT_INLINE Complex axis_factor(Vector position, Vector centre, Vector centre_rest,
                                      Vector turns, Vector turns_rest, Vector sharpness) {
  const Vector d = (position - centre) - centre_rest;
  const Vector envelope = exp_or_zero(-(d * d) * sharpness);
  const Vector whole = round_nearest(d * turns);
  const SinCos wave = sincos_turns((d * turns - whole) + d * turns_rest);
  return {envelope * wave.cosine, envelope * wave.sine};
}

/// Factors by grid point, [count][kLine].
static void write_by_point(const Axis& axis, const AxisPart& part, float* out) {
  for (std::int64_t i = 0; i < kBlock; i += kLanes) {
    const Vector centre = load(axis.centre + i), centre_rest = load(axis.centre_rest + i);
    const Vector turns = load(axis.turns + i), turns_rest = load(axis.turns_rest + i);
    const Vector sharpness = load(axis.sharpness + i);
    for (std::int64_t u = 0; u < part.count; ++u) {
      const Complex factor =
          axis_factor(all(part.positions[u]), centre, centre_rest, turns, turns_rest, sharpness);
      store(out + u * kLine + i, factor.re);
      store(out + u * kLine + kBlock + i, factor.im);
    }
  }
}

/// The same by packet, [kLine][count].
static void write_by_packet(const Axis& axis, const AxisPart& part, float* out) {
  for (std::int64_t n = 0; n < kBlock; ++n) {
    float* re = out + n * part.count;
    float* im = re + kBlock * part.count;
    for (std::int64_t u = 0; u < part.count; u += kLanes) {
      const Complex factor =
          axis_factor(load(part.positions + u), all(axis.centre[n]), all(axis.centre_rest[n]),
                      all(axis.turns[n]), all(axis.turns_rest[n]), all(axis.sharpness[n]));
      store(re + u, factor.re);
      store(im + u, factor.im);
    }
  }
}

struct Coefficients {
  float a[kBlock], b[kBlock];
};

static void load_coefficients(const BlockTask& task, std::int64_t channel, Coefficients& q) {
  const float* a = task.active->data + (packet::kCoefficients + 2 * channel) * task.active->row;
  const float* b = a + task.active->row;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    q.a[i] = i < task.count ? a[task.order[i]] : 0.0f;
    q.b[i] = i < task.count ? b[task.order[i]] : 0.0f;
  }
}

/// L of one channel, [rows][kLine], from Y.
static void write_left(const Coefficients& q, const float* y, std::int64_t rows, float* left) {
  for (std::int64_t i = 0; i < kBlock; i += kLanes) {
    const Vector a = load(q.a + i), b = load(q.b + i);
    for (std::int64_t v = 0; v < rows; ++v) {
      const Vector re = load(y + v * kLine + i), im = load(y + v * kLine + kBlock + i);
      store(left + v * kLine + i, a * re - b * im);
      store(left + v * kLine + kBlock + i, -(a * im + b * re));
    }
  }
}

static void draw_block(const BlockTask& task, float* field) {
  const std::int64_t rows = task.rows.count, columns = task.columns.count;
  float* x = task.scratch;
  float* y = x + kLine * columns;
  float* left = y + kLine * rows;
  Axis axis;
  load_axis(task, task.columns, packet::kX, task.cosine, axis);
  write_by_packet(axis, task.columns, x);
  load_axis(task, task.rows, packet::kY, task.sine, axis);
  write_by_point(axis, task.rows, y);
  Coefficients q;
  for (std::int64_t c = 0; c < task.active->channels; ++c) {
    load_coefficients(task, c, q);
    write_left(q, y, rows, left);
    product({rows, columns, kLine, left, kLine, 1, x, columns, field + c * task.field_channel,
             task.field_row, true});
  }
}
