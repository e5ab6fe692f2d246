// The sigmoid between field and picture, on any count of numbers.

NEUROSPLAT_INLINE Vector load_some(const float* from, std::int64_t count) {
  Vector value{};
  for (std::int64_t i = 0; i < count; ++i) value[i] = from[i];
  return value;
}

NEUROSPLAT_INLINE void store_some(float* to, Vector value, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = value[i];
}

static void squash(const float* in, std::int64_t count, float* out) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, VectorArithmetic::logistic(load(in + i)));
  store_some(out + i, VectorArithmetic::logistic(load_some(in + i, count - i)), count - i);
}

static void squash_gradient(const float* gradient, const float* picture, std::int64_t count,
                            float* out) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Vector p = load(picture + i);
    store(out + i, load(gradient + i) * p * (1.0f - p));
  }
  for (; i < count; ++i) out[i] = gradient[i] * picture[i] * (1.0f - picture[i]);
}
