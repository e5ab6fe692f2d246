// Poisson latents: log-rates u, spike counts z. Part of kernels-inl.h.

/// Two loops of vectors a turn would not help: the hash, the logarithm and the smooth step of one
/// arrival are enough independent work, and lanes wait for their slowest.
template <Counting kCounting>
NEUROSPLAT_INLINE void sample_counts(const PoissonSample& s) {
  Words lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = static_cast<std::uint32_t>(i);
  const float sharpness = kCounting == Counting::hard ? 1.0f : 1.0f / s.temperature;
  // Later arrivals add less than 1e-7 (sigmoid) or nothing (cubic).
  const float end = kCounting == Counting::sigmoid ? 1.0f + 16.0f * s.temperature
                    : kCounting == Counting::cubic ? 1.0f + s.temperature
                                                   : 1.0f;
  for (std::int64_t k = 0; k < s.count; k += kLanes) {
    const Vector exact_rate = exponential(load(s.log_rate + k));
    const Vector rate = exact_rate + kRateFloor;
    const Vector wait = 1.0f / rate;
    Vector time{}, sample{}, slope{};
    Words counter = lane + static_cast<std::uint32_t>(k);
    for (std::int32_t i = 0; i < s.most; ++i) {
      time += wait * exponential_wait(random_bits(s.key, counter));
      counter += static_cast<std::uint32_t>(s.count);
      const Vector x = (1.0f - time) * sharpness;
      if constexpr (kCounting == Counting::hard) {
        sample += time <= 1.0f ? all(1.0f) : Vector{};
      } else if constexpr (kCounting == Counting::sigmoid) {
        const Vector e = exp_or_zero(-magnitude(x));
        const Vector inverse = 1.0f / (1.0f + e);
        sample += (x >= 0.0f ? all(1.0f) : e) * inverse;
        slope += e * inverse * inverse * time;
      } else {
        const Vector w = larger(lesser(0.5f * x + 0.5f, all(1.0f)), Vector{});
        sample += w * w * (3.0f - 2.0f * w);
        slope += 3.0f * w * (1.0f - w) * time;
      }
      if (!any(time <= end)) break;
    }
    store(s.sample + k, sample);
    if constexpr (kCounting != Counting::hard) {
      if (s.slope != nullptr) store(s.slope + k, slope * sharpness * (exact_rate * wait));
    }
  }
}

static void poisson_sample(const PoissonSample& s) {
  switch (s.counting) {
    case Counting::hard:
      return sample_counts<Counting::hard>(s);
    case Counting::sigmoid:
      return sample_counts<Counting::sigmoid>(s);
    case Counting::cubic:
      return sample_counts<Counting::cubic>(s);
  }
}

struct Clamped {
  Vector value, slope;
};

/// c - softplus(c - y) = y - log(1 + e^(y - c)), y = max(x, -8); from c + 80 on it is c.
NEUROSPLAT_INLINE Clamped below(Vector x, float ceiling) {
  const Vector y = lesser(larger(x, all(-8.0f)), all(ceiling + 80.0f));
  const Vector e = exponential(y - ceiling);
  const Vector slope = 1.0f / (1.0f + e);
  return {y - logarithm(1.0f + e), x > -8.0f ? slope : Vector{}};
}

static void poisson_step(const PoissonStep& s) {
  for (std::int64_t k = 0; k < s.count; k += kLanes) {
    const Vector state = load(s.state + k);
    const Vector away = state - load(s.prior + k);
    const Vector change = s.rate * (load(s.drive + k) - load(s.bias + k) - s.leak * away);
    const Clamped moved = below(change, s.ceiling_change);
    const Clamped next = below(state + moved.value, s.ceiling_state);
    store(s.next + k, next.value);
    if (s.change == nullptr) continue;
    store(s.change + k, change);
    store(s.through + k, next.slope * moved.slope);
    store(s.kept + k, next.slope);
  }
}

static float poisson_kl(std::int64_t count, const float* next, const float* prior, bool exact) {
  Vector sum{};
  for (std::int64_t k = 0; k < count; k += kLanes) {
    const Vector u = load(next + k), p = load(prior + k), d = u - p;
    sum += exponential(exact ? p : u) * (1.0f + exponential(d) * (d - 1.0f));
  }
  return sum_of(sum);
}

static StepAdjoints poisson_back(const PoissonBack& b) {
  Vector rate_adjoint{};
  for (std::int64_t k = 0; k < b.count; k += kLanes) {
    const Vector next = load(b.next + k), prior = load(b.prior + k), d = next - prior;
    const Vector next_rate = exponential(next), ratio = exponential(d);
    const Vector divergence = 1.0f + ratio * (d - 1.0f);
    const Vector prior_rate = exponential(prior);
    // d KL / d next and d KL / d prior.
    const Vector by_next = b.exact_kl ? next_rate * d : next_rate * (divergence + ratio * d);
    const Vector by_prior = b.exact_kl ? prior_rate * (1.0f - ratio) : -next_rate * ratio * d;
    const Vector total = load(b.adjoint + k) + load(b.sample_adjoint + k) * load(b.slope + k) +
                         b.kl_weight * by_next;
    const Vector change = load(b.change + k);
    const Vector change_adjoint = total * load(b.through + k);
    const Vector moved = b.rate * change_adjoint, leaked = b.leak * moved;
    rate_adjoint += change_adjoint * change;
    store(b.adjoint + k, total * load(b.kept + k) - leaked);
    store(b.prior_adjoint + k, load(b.prior_adjoint + k) + b.kl_weight * by_prior + leaked);
    store(b.drive_adjoint + k, moved);
    store(b.bias_adjoint + k, load(b.bias_adjoint + k) - moved);
  }
  return {sum_of(rate_adjoint), 0.0f};
}

static void poisson_first_back(std::int64_t count, const float* sample_adjoint, const float* slope,
                               float* adjoint) {
  for (std::int64_t k = 0; k < count; k += kLanes) {
    store(adjoint + k, load(adjoint + k) + load(sample_adjoint + k) * load(slope + k));
  }
}
