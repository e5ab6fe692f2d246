// Queries, keys and values of attention. Part of kernels-inl.h.

/// One head of one token: y = turn(x / rms(x) * scale).
template <class Number>
NEUROSPLAT_INLINE void turn(const Number* x, const float* scale, const float* cosine,
                            const float* sine, std::int64_t channels, Number* y) {
  const std::int64_t half = channels / 2;
  Vector squares{};
  for (std::int64_t c = 0; c < channels; c += kLanes) {
    const Vector value = read(x + c);
    squares += value * value;
  }
  const float inverse = inverse_rms(sum_of(squares), channels);
  for (std::int64_t c = 0; c < half; c += kLanes) {
    const Vector first = read(x + c) * inverse * load(scale + c);
    const Vector second = read(x + half + c) * inverse * load(scale + half + c);
    const Vector cosines = load(cosine + c), sines = load(sine + c);
    write(y + c, first * cosines - second * sines);
    write(y + half + c, first * sines + second * cosines);
  }
}

/// Turned back, then as modulate_back(), the half-way adjoints being held in `back` (channels).
template <class Number>
NEUROSPLAT_INLINE void turn_back(const Number* x, const float* scale, const float* cosine,
                                 const float* sine, std::int64_t channels, const Number* y_adjoint,
                                 Number* x_adjoint, float* scale_adjoint, float* back) {
  const std::int64_t half = channels / 2;
  for (std::int64_t c = 0; c < half; c += kLanes) {
    const Vector first = read(y_adjoint + c), second = read(y_adjoint + half + c);
    const Vector cosines = load(cosine + c), sines = load(sine + c);
    store(back + c, first * cosines + second * sines);
    store(back + half + c, second * cosines - first * sines);
  }
  Vector squares{}, along{};
  for (std::int64_t c = 0; c < channels; c += kLanes) {
    const Vector value = read(x + c);
    squares += value * value;
    along += load(back + c) * load(scale + c) * value;
  }
  const float inverse = inverse_rms(sum_of(squares), channels);
  const float pull = inverse * inverse * inverse * sum_of(along) / static_cast<float>(channels);
  for (std::int64_t c = 0; c < channels; c += kLanes) {
    const Vector value = read(x + c), adjoint = load(back + c);
    write(x_adjoint + c, inverse * adjoint * load(scale + c) - pull * value);
    add_to(scale_adjoint + c, adjoint * value * inverse);
  }
}

template <class Number>
static void heads(const Heads<Number>& h) {
  const std::int64_t half = h.channels / 2, width = h.heads * h.channels;
  for (std::int64_t row = 0; row < h.rows; ++row) {
    for (std::int64_t head = 0; head < h.heads; ++head) {
      const Number* from = h.joined + row * 3 * width + head * h.channels;
      const std::int64_t to = (head * h.rows + row) * h.channels;
      for (int part = 0; part < 2; ++part) {
        turn(from + part * width, h.scales + part * h.channels, h.cosine + row * half,
             h.sine + row * half, h.channels, h.parts[part] + to);
      }
      __builtin_memcpy(h.parts[2] + to, from + 2 * width,
                       static_cast<std::size_t>(h.channels) * sizeof(Number));
    }
  }
}

template <class Number>
static void heads_back(const HeadsBack<Number>& h) {
  const std::int64_t half = h.channels / 2, width = h.heads * h.channels;
  float back[kMostHeadChannels];
  for (std::int64_t row = 0; row < h.rows; ++row) {
    for (std::int64_t head = 0; head < h.heads; ++head) {
      const std::int64_t at = row * 3 * width + head * h.channels;
      const std::int64_t part_at = (head * h.rows + row) * h.channels;
      for (int part = 0; part < 2; ++part) {
        turn_back(h.joined + at + part * width, h.scales + part * h.channels, h.cosine + row * half,
                  h.sine + row * half, h.channels, h.part_adjoints[part] + part_at,
                  h.joined_adjoint + at + part * width, h.scales_adjoint + part * h.channels, back);
      }
      __builtin_memcpy(h.joined_adjoint + at + 2 * width, h.part_adjoints[2] + part_at,
                       static_cast<std::size_t>(h.channels) * sizeof(Number));
    }
  }
}
