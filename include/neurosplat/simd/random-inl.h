// Random numbers without a state: number i of a stream is a hash of i under the stream's key, so
// that they do not depend on the order in which they are asked for, on threads or on the width of a
// vector. Needs vector_math-inl.h. Made for noise, not for secrets.

/// The finaliser of MurmurHash3 (Appleby): every bit of the input changes each bit of the output
/// with a chance of about one half.
NEUROSPLAT_INLINE Words mixed(Words x) {
  x ^= x >> 16;
  x *= 0x85ebca6bu;
  x ^= x >> 13;
  x *= 0xc2b2ae35u;
  return x ^ (x >> 16);
}

/// 32 random bits for each counter: two rounds of the finaliser, each under half of the key.
NEUROSPLAT_INLINE Words random_bits(RandomKey key, Words counter) {
  return mixed(mixed(counter ^ key.low) + key.high);
}

/// Uniform in (0, 1): a multiple of 2^-24 plus 2^-25.
NEUROSPLAT_INLINE Vector uniform(Words bits) {
  const Vector number = __builtin_convertvector(reinterpret_cast<Integers>(bits >> 8), Vector);
  return (number + 0.5f) * 5.9604644775390625e-8f;
}

/// Exponential with mean 1.
NEUROSPLAT_INLINE Vector exponential_wait(Words bits) {
  return -logarithm(uniform(bits));
}

struct NormalPair {
  Vector first, second;
};

/// Two independent N(0, 1) of two uniform ones (Box and Muller 1958).
NEUROSPLAT_INLINE NormalPair normal_pair(Words radius_bits, Words angle_bits) {
  const Vector radius = square_root(2.0f * exponential_wait(radius_bits));
  const auto [sine, cosine] = sincos_turns(uniform(angle_bits) - 0.5f);
  return {radius * cosine, radius * sine};
}
