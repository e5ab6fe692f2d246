// Passes over whole rows: modulation, gated sum, SwiGLU. Part of kernels-inl.h.

template <class Number>
static void modulate(const Modulation<Number>& m) {
  for (std::int64_t row = 0; row < m.rows; ++row) {
    const float* x = m.x + row * m.channels;
    Number* y = m.y + row * m.channels;
    Vector squares{};
    for (std::int64_t c = 0; c < m.channels; c += kLanes) {
      const Vector value = load(x + c);
      squares += value * value;
    }
    const float inverse = inverse_rms(sum_of(squares), m.channels);
    for (std::int64_t c = 0; c < m.channels; c += kLanes) {
      write(y + c, load(x + c) * inverse * (1.0f + load(m.scale + c)) + load(m.shift + c));
    }
  }
}

/// With g = dy (1 + scale) and r = 1 / rms: dx = r g - x r^3 mean(g x).
template <class Number>
static void modulate_back(const ModulationBack<Number>& m) {
  for (std::int64_t row = 0; row < m.rows; ++row) {
    const float* x = m.x + row * m.channels;
    const Number* y_adjoint = m.y_adjoint + row * m.channels;
    float* x_adjoint = m.x_adjoint + row * m.channels;
    Vector squares{}, along{};
    for (std::int64_t c = 0; c < m.channels; c += kLanes) {
      const Vector value = load(x + c);
      squares += value * value;
      along += read(y_adjoint + c) * (1.0f + load(m.scale + c)) * value;
    }
    const float inverse = inverse_rms(sum_of(squares), m.channels);
    const float pull = inverse * inverse * inverse * sum_of(along) / static_cast<float>(m.channels);
    for (std::int64_t c = 0; c < m.channels; c += kLanes) {
      const Vector value = load(x + c), adjoint = read(y_adjoint + c);
      store(x_adjoint + c, inverse * adjoint * (1.0f + load(m.scale + c)) - pull * value);
      add_to(m.scale_adjoint + c, adjoint * value * inverse);
      add_to(m.shift_adjoint + c, adjoint);
    }
  }
}

template <class Number>
static void gated_sum(const GatedSum<Number>& g) {
  for (std::int64_t row = 0; row < g.rows; ++row) {
    const std::int64_t first = row * g.channels;
    for (std::int64_t c = 0; c < g.channels; c += kLanes) {
      store(g.sum + first + c, load(g.x + first + c) + load(g.gate + c) * read(g.y + first + c));
    }
  }
}

template <class Number>
static void gated_sum_back(const GatedSumBack<Number>& g) {
  for (std::int64_t row = 0; row < g.rows; ++row) {
    const std::int64_t first = row * g.channels;
    for (std::int64_t c = 0; c < g.channels; c += kLanes) {
      const Vector adjoint = load(g.sum_adjoint + first + c);
      write(g.y_adjoint + first + c, load(g.gate + c) * adjoint);
      add_to(g.gate_adjoint + c, adjoint * read(g.y + first + c));
    }
  }
}

NEUROSPLAT_INLINE Vector sigmoid(Vector x) {
  return 1.0f / (1.0f + exponential(-x));
}

template <class Number>
static void swiglu(const SwiGlu<Number>& s) {
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const Number* a = s.joined + row * 2 * s.channels;
    const Number* b = a + s.channels;
    Number* out = s.out + row * s.channels;
    for (std::int64_t c = 0; c < s.channels; c += kLanes) {
      const Vector left = read(a + c);
      write(out + c, left * sigmoid(left) * read(b + c));
    }
  }
}

template <class Number>
static void swiglu_back(const SwiGluBack<Number>& s) {
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const std::int64_t first = row * 2 * s.channels;
    const Number *a = s.joined + first, *b = a + s.channels;
    Number *a_adjoint = s.joined_adjoint + first, *b_adjoint = a_adjoint + s.channels;
    const Number* adjoints = s.out_adjoint + row * s.channels;
    for (std::int64_t c = 0; c < s.channels; c += kLanes) {
      const Vector left = read(a + c), adjoint = read(adjoints + c), open = sigmoid(left);
      write(a_adjoint + c, adjoint * read(b + c) * open * (1.0f + left * (1.0f - open)));
      write(b_adjoint + c, adjoint * left * open);
    }
  }
}
