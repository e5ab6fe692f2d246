// Gaussian latents: mean and log sigma; activity z, or gain * max(z, 0). Part of kernels-inl.h.

static void gaussian_sample(const GaussianSample& s) {
  Words lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = static_cast<std::uint32_t>(i);
  const auto put = [&](std::int64_t k, Vector noise) {
    const Vector z = load(s.mean + k) + exponential(load(s.log_sigma + k)) * noise;
    store(s.activity + k, s.gain == nullptr ? z : load(s.gain + k) * larger(z, Vector{}));
    store(s.noise + k, noise);
  };
  // Numbers 16 apart share two uniform ones, whatever the width of a vector.
  for (std::int64_t block = 0; block < s.count; block += 32) {
    for (std::int64_t k = block; k < block + 16; k += kLanes) {
      const Words counter = lane + static_cast<std::uint32_t>(k);
      const auto [first, second] =
          normal_pair(random_bits(s.key, counter), random_bits(s.key, counter + 16u));
      put(k, first);
      put(k + 16, second);
    }
  }
}

/// c tanh(x / c).
NEUROSPLAT_INLINE Clamped within(Vector x, float ceiling) {
  const Vector t = VectorArithmetic::tanh(x / ceiling);
  return {ceiling * t, 1.0f - t * t};
}

/// Slope of the activation at a sample.
NEUROSPLAT_INLINE Vector activation_slope(const float* gain, Vector activity, std::int64_t k) {
  if (gain == nullptr) return all(1.0f);
  return activity > 0.0f ? load(gain + k) : Vector{};
}

static void gaussian_step(const GaussianStep& s) {
  for (std::int64_t k = 0; k < s.count; k += kLanes) {
    const Vector mean = load(s.mean + k), log_sigma = load(s.log_sigma + k);
    const Vector sigma = exponential(log_sigma), variance = sigma * sigma;
    const Vector drive = load(s.drive + k) * activation_slope(s.gain, load(s.activity + k), k);
    const Vector prior_log_sigma = load(s.prior_log_sigma + k);
    const Vector ratio = exponential(2.0f * (log_sigma - prior_log_sigma));
    const Vector mean_change = s.rate_mean * (variance * drive - load(s.bias + k) -
                                              s.leak * ratio * (mean - load(s.prior_mean + k)));
    const Vector log_sigma_change =
        s.rate_log_sigma * 0.5f * (drive * load(s.noise + k) * sigma - s.leak * (ratio - 1.0f));
    const Clamped moved_mean = within(mean_change, s.ceiling_mean_change);
    const Clamped moved_sigma = within(log_sigma_change, s.ceiling_log_sigma_change);
    const Clamped next_mean = within(mean + moved_mean.value, s.ceiling_mean);
    const Clamped next_sigma = within(log_sigma + moved_sigma.value, s.ceiling_log_sigma);
    store(s.next_mean + k, next_mean.value);
    store(s.next_log_sigma + k, next_sigma.value);
    if (s.change_mean == nullptr) continue;
    store(s.change_mean + k, mean_change);
    store(s.change_log_sigma + k, log_sigma_change);
    store(s.through_mean + k, next_mean.slope * moved_mean.slope);
    store(s.through_log_sigma + k, next_sigma.slope * moved_sigma.slope);
    store(s.kept_mean + k, next_mean.slope);
    store(s.kept_log_sigma + k, next_sigma.slope);
  }
}

static float gaussian_kl(std::int64_t count, const float* mean, const float* log_sigma,
                         const float* prior_mean, const float* prior_log_sigma) {
  Vector sum{};
  for (std::int64_t k = 0; k < count; k += kLanes) {
    const Vector p = load(prior_log_sigma + k), narrower = load(log_sigma + k) - p;
    const Vector away = (load(mean + k) - load(prior_mean + k)) * exponential(-p);
    sum += 0.5f * (away * away + exponential(2.0f * narrower) - 1.0f) - narrower;
  }
  return sum_of(sum);
}

/// Adjoints of mean and log sigma by the sample drawn from them.
struct SampleAdjoints {
  Vector mean, log_sigma;
};

NEUROSPLAT_INLINE SampleAdjoints through_sample(const GaussianBack& b, std::int64_t k,
                                                Vector sigma) {
  const Vector activity = load(b.next_activity + k), adjoint = load(b.activity_adjoint + k);
  const Vector z_adjoint = adjoint * activation_slope(b.step.gain, activity, k);
  if (b.step.gain != nullptr) {
    store(b.log_gain_adjoint + k, load(b.log_gain_adjoint + k) + adjoint * activity);
  }
  return {z_adjoint, z_adjoint * sigma * load(b.next_noise + k)};
}

static StepAdjoints gaussian_back(const GaussianBack& b) {
  const GaussianStep& s = b.step;
  Vector mean_rate{}, sigma_rate{};
  for (std::int64_t k = 0; k < s.count; k += kLanes) {
    const Vector next_mean = load(s.next_mean + k), next_log_sigma = load(s.next_log_sigma + k);
    const Vector prior_mean = load(s.prior_mean + k), prior_log = load(s.prior_log_sigma + k);
    const Vector away = next_mean - prior_mean, precision = exponential(-2.0f * prior_log);
    const Vector spread = exponential(2.0f * (next_log_sigma - prior_log)) - 1.0f;
    const SampleAdjoints sample = through_sample(b, k, exponential(next_log_sigma));
    const Vector mean_total =
        load(b.adjoint_mean + k) + sample.mean + b.kl_weight * away * precision;
    const Vector sigma_total =
        load(b.adjoint_log_sigma + k) + sample.log_sigma + b.kl_weight * spread;
    const Vector change_mean = load(s.change_mean + k);
    const Vector change_log_sigma = load(s.change_log_sigma + k);
    const Vector mean_back = mean_total * load(s.through_mean + k);
    const Vector sigma_back = sigma_total * load(s.through_log_sigma + k);
    mean_rate += mean_back * change_mean;
    sigma_rate += sigma_back * change_log_sigma;

    const Vector mean = load(s.mean + k), log_sigma = load(s.log_sigma + k);
    const Vector sigma = exponential(log_sigma), variance = sigma * sigma;
    const Vector slope = activation_slope(s.gain, load(s.activity + k), k);
    const Vector drive = load(s.drive + k) * slope, swing = 0.5f * load(s.noise + k) * sigma;
    const Vector ratio = variance * precision;
    const Vector by_mean = s.rate_mean * mean_back, by_sigma = s.rate_log_sigma * sigma_back;
    const Vector drive_back = by_mean * variance + by_sigma * swing;
    const Vector leak_mean = s.leak * by_mean * ratio;
    const Vector leak_sigma = 2.0f * leak_mean * (mean - prior_mean) + s.leak * by_sigma * ratio;
    store(b.adjoint_mean + k, mean_total * load(s.kept_mean + k) - leak_mean);
    store(b.adjoint_log_sigma + k, sigma_total * load(s.kept_log_sigma + k) +
                                       2.0f * by_mean * variance * drive +
                                       by_sigma * swing * drive - leak_sigma);
    store(b.prior_adjoint_mean + k,
          load(b.prior_adjoint_mean + k) + leak_mean - b.kl_weight * away * precision);
    store(b.prior_adjoint_log_sigma + k, load(b.prior_adjoint_log_sigma + k) + leak_sigma -
                                             b.kl_weight * (away * away * precision + spread));
    store(b.bias_adjoint + k, load(b.bias_adjoint + k) - by_mean);
    if (s.gain != nullptr) {
      store(b.log_gain_adjoint + k, load(b.log_gain_adjoint + k) + drive_back * drive);
    }
    store(b.drive_adjoint + k, drive_back * slope);
  }
  return {sum_of(mean_rate), sum_of(sigma_rate)};
}

static void gaussian_first_back(const GaussianBack& b) {
  for (std::int64_t k = 0; k < b.step.count; k += kLanes) {
    const Vector sigma = exponential(load(b.step.next_log_sigma + k));
    const SampleAdjoints sample = through_sample(b, k, sigma);
    store(b.adjoint_mean + k, load(b.adjoint_mean + k) + sample.mean);
    store(b.adjoint_log_sigma + k, load(b.adjoint_log_sigma + k) + sample.log_sigma);
  }
}
