// From the field's gradient G to the packets': with g = (dL, -dL_im) the gradient of a factor E,
// the loss changes by Re sum g dE.

/// Sums over one axis, d in canvas units.
struct Moments {
  Vector zeroth_re{}, zeroth_im{}, first_re{}, first_im{}, second_re{};

  NEUROSPLAT_INLINE void add(Vector d, Complex product) {
    zeroth_re += product.re;
    zeroth_im += product.im;
    first_re += d * product.re;
    first_im += d * product.im;
    second_re += d * (d * product.re);
  }
  NEUROSPLAT_INLINE packet::AxisMoments<Vector> result() const {
    return {zeroth_re, zeroth_im, first_re, first_im, second_re};
  }
};

struct Distance {
  Vector centre, rest;
  float scale;

  NEUROSPLAT_INLINE Vector at(float position) const { return ((position - centre) - rest) * scale; }
};

NEUROSPLAT_INLINE Distance distance(const Axis& axis, const AxisPart& part, std::int64_t i) {
  return {load(axis.centre + i), load(axis.centre_rest + i), static_cast<float>(1.0 / part.side)};
}

/// x, gradient: [count][kLine].
NEUROSPLAT_INLINE Moments column_moments(const Axis& axis, const AxisPart& part, const float* x,
                                         const float* gradient, std::int64_t i) {
  const Distance d = distance(axis, part, i);
  Moments sums;
  for (std::int64_t u = 0; u < part.count; ++u) {
    const Vector re = load(x + u * kLine + i), im = load(x + u * kLine + kBlock + i);
    const Vector g = load(gradient + u * kLine + i);
    const Vector g_im = load(gradient + u * kLine + kBlock + i);
    sums.add(d.at(part.positions[u]), {g * re + g_im * im, g * im - g_im * re});
  }
  return sums;
}

/// y, weighted: [count][kLine], weighted = sum over channels of q times the gradient of q Y.
NEUROSPLAT_INLINE Moments row_moments(const Axis& axis, const AxisPart& part, const float* y,
                                      const float* weighted, std::int64_t i) {
  const Distance d = distance(axis, part, i);
  Moments sums;
  for (std::int64_t v = 0; v < part.count; ++v) {
    const Vector re = load(y + v * kLine + i), im = load(y + v * kLine + kBlock + i);
    const Vector w = load(weighted + v * kLine + i);
    const Vector w_im = load(weighted + v * kLine + kBlock + i);
    sums.add(d.at(part.positions[v]), {w * re - w_im * im, w * im + w_im * re});
  }
  return sums;
}

/// One channel's share: the gradient of its coefficients, and q times the gradient of its left
/// factor added to `weighted`.
NEUROSPLAT_INLINE void add_channel(const Coefficients& q, const float* y,
                                   const float* left_gradient, std::int64_t rows, bool first,
                                   float* weighted, float* a_gradient, float* b_gradient) {
  for (std::int64_t i = 0; i < kBlock; i += kLanes) {
    const Vector a = load(q.a + i), b = load(q.b + i);
    Vector a_sum{}, b_sum{};
    for (std::int64_t v = 0; v < rows; ++v) {
      const std::int64_t at = v * kLine + i;
      const Vector re = load(y + at), im = load(y + at + kBlock);
      const Vector g = load(left_gradient + at), g_im = load(left_gradient + at + kBlock);
      a_sum += g * re - g_im * im;
      b_sum -= g * im + g_im * re;
      const Vector w = a * g - b * g_im, w_im = a * g_im + b * g;
      store(weighted + at, first ? w : load(weighted + at) + w);
      store(weighted + at + kBlock, first ? w_im : load(weighted + at + kBlock) + w_im);
    }
    store(a_gradient + i, a_sum);
    store(b_gradient + i, b_sum);
  }
}

static void geometry_gradient(const BlockTask& task, const Axis& columns, const Axis& rows,
                              const float* x, const float* x_gradient, const float* y,
                              const float* weighted, float* gradient) {
  const PacketTable& active = *task.active;
  float own[packet::kCoefficients][kBlock], cosine[kBlock], sine[kBlock];
  for (std::int64_t i = 0; i < kBlock; ++i) {
    const std::int64_t n = task.order[smaller(i, task.count - 1)];
    for (int k = 0; k < packet::kCoefficients; ++k) own[k][i] = active.data[k * active.row + n];
    cosine[i] = static_cast<float>(task.cosine[n]);
    sine[i] = static_cast<float>(task.sine[n]);
  }
  for (std::int64_t i = 0; i < kBlock; i += kLanes) {
    const Moments along = column_moments(columns, task.columns, x, x_gradient, i);
    const Moments across = row_moments(rows, task.rows, y, weighted, i);
    Vector numbers[packet::kCoefficients], result[packet::kCoefficients];
    for (int k = 0; k < packet::kCoefficients; ++k) numbers[k] = load(own[k] + i);
    packet::geometry_gradient<Vector, float>(numbers, load(cosine + i), load(sine + i),
                                             along.result(), across.result(), result);
    for (int k = 0; k < packet::kCoefficients; ++k) store(gradient + k * kBlock + i, result[k]);
  }
}

static void block_gradient(const BlockTask& task, const float* field_gradient, float* gradient) {
  const std::int64_t rows = task.rows.count, columns = task.columns.count;
  float* x = task.scratch;
  float* x_gradient = x + kLine * columns;
  float* y = x_gradient + kLine * columns;
  float* left = y + kLine * rows;  // then its gradient
  float* weighted = left + kLine * rows;
  Axis column_axis, row_axis;
  load_axis(task, task.columns, packet::kX, task.cosine, column_axis);
  write_by_point(column_axis, task.columns, x);
  load_axis(task, task.rows, packet::kY, task.sine, row_axis);
  write_by_point(row_axis, task.rows, y);
  Coefficients q;
  for (std::int64_t c = 0; c < task.active->channels; ++c) {
    const float* g = field_gradient + c * task.field_channel;
    load_coefficients(task, c, q);
    write_left(q, y, rows, left);
    product({columns, kLine, rows, g, 1, task.field_row, left, kLine, x_gradient, kLine, c > 0});
    product({rows, kLine, columns, g, task.field_row, 1, x, kLine, left, kLine, false});
    float* a_gradient = gradient + (packet::kCoefficients + 2 * c) * kBlock;
    add_channel(q, y, left, rows, c == 0, weighted, a_gradient, a_gradient + kBlock);
  }
  geometry_gradient(task, column_axis, row_axis, x, x_gradient, y, weighted, gradient);
}

static void activation_gradient(const float* raw, const float* anchors, std::int64_t channels,
                                float* gradient) {
  for (std::int64_t i = 0; i < kBlock; i += kLanes) {
    Vector numbers[packet::kCoefficients], from[packet::kCoefficients], to[packet::kCoefficients];
    for (int k = 0; k < packet::kCoefficients; ++k) {
      numbers[k] = load(raw + k * kBlock + i);
      from[k] = load(gradient + k * kBlock + i);
    }
    packet::activate_geometry_backward<Vector, VectorArithmetic>(
        numbers, load(anchors + i), load(anchors + kBlock + i), from, to);
    for (int k = 0; k < packet::kCoefficients; ++k) store(gradient + k * kBlock + i, to[k]);
  }
  const std::int64_t end = packet::numbers(static_cast<int>(channels)) * kBlock;
  for (std::int64_t i = packet::kCoefficients * kBlock; i < end; i += kLanes) {
    store(gradient + i, packet::activate_coefficient_backward<Vector, VectorArithmetic>(
                            load(raw + i), load(gradient + i)));
  }
}
