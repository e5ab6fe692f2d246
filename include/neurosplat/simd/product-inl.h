// A matrix product on factors that lie in the cache as their writers left them; nothing is packed.
// On the sizes at hand it runs at the processor's peak, where general libraries reach half. Needs
// vector_math-inl.h, and NEUROSPLAT_ROWS: how many rows a tile keeps in registers.

constexpr int kRows = NEUROSPLAT_ROWS;

/// One tile of C, held in registers: Rows rows by Vectors vectors.
template <int Rows, int Vectors>
NEUROSPLAT_INLINE void product_tile(const Product& p, std::int64_t row, std::int64_t column) {
  Vector sum[Rows][Vectors] = {};
  const float* a = p.a + row * p.a_row;
  const float* b = p.b + column;
  for (std::int64_t k = 0; k < p.inner; ++k, a += p.a_inner, b += p.b_row) {
    Vector right[Vectors];
    NEUROSPLAT_UNROLL
    for (int v = 0; v < Vectors; ++v) right[v] = load(b + v * kLanes);
    NEUROSPLAT_UNROLL
    for (int r = 0; r < Rows; ++r) {
      const float left = a[r * p.a_row];
      NEUROSPLAT_UNROLL
      for (int v = 0; v < Vectors; ++v) sum[r][v] += left * right[v];
    }
  }
  NEUROSPLAT_UNROLL
  for (int r = 0; r < Rows; ++r) {
    float* c = p.c + (row + r) * p.c_row + column;
    NEUROSPLAT_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      float* out = c + v * kLanes;
      store(out, p.add ? load(out) + sum[r][v] : sum[r][v]);
    }
  }
}

template <int Vectors>
NEUROSPLAT_INLINE void product_columns(const Product& p, std::int64_t column) {
  std::int64_t row = 0;
  for (; row + kRows <= p.rows; row += kRows) product_tile<kRows, Vectors>(p, row, column);
  for (; row + 4 <= p.rows; row += 4) product_tile<4, Vectors>(p, row, column);
  for (; row + 2 <= p.rows; row += 2) product_tile<2, Vectors>(p, row, column);
  for (; row < p.rows; ++row) product_tile<1, Vectors>(p, row, column);
}

static void product(const Product& p) {
  std::int64_t column = 0;
  for (; column + 2 * kLanes <= p.columns; column += 2 * kLanes) product_columns<2>(p, column);
  for (; column < p.columns; column += kLanes) product_columns<1>(p, column);
}
