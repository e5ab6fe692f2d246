// Vectors from and to float32 and bfloat16. Part of kernels-inl.h.

typedef std::uint16_t Halves __attribute__((vector_size(2 * kLanes)));

NEUROSPLAT_INLINE Vector read(const float* from) {
  return load(from);
}

NEUROSPLAT_INLINE Vector read(const BFloat16* from) {
  Halves bits;
  __builtin_memcpy(&bits, from, sizeof bits);
  return reinterpret_cast<Vector>(__builtin_convertvector(bits, Words) << 16);
}

NEUROSPLAT_INLINE void write(float* to, Vector value) {
  store(to, value);
}

/// To the nearest, ties to even; a NaN keeps its upper half.
NEUROSPLAT_INLINE void write(BFloat16* to, Vector value) {
  const Words bits = reinterpret_cast<Words>(value);
  const Words rounded = bits + 0x7fffU + ((bits >> 16) & 1U);
  const Words kept = reinterpret_cast<Words>(value == value ? reinterpret_cast<Integers>(rounded)
                                                            : reinterpret_cast<Integers>(bits));
  const Halves upper = __builtin_convertvector(kept >> 16, Halves);
  __builtin_memcpy(to, &upper, sizeof upper);
}

NEUROSPLAT_INLINE void add_to(float* sum, Vector value) {
  store(sum, load(sum) + value);
}

/// 1 / rms of numbers with that sum of squares.
NEUROSPLAT_INLINE float inverse_rms(float squares, std::int64_t count) {
  return 1.0f / __builtin_sqrtf(squares / static_cast<float>(count) + kNormEpsilon);
}
