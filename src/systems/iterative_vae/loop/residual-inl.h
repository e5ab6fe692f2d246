// What the decoder leaves unexplained. Part of kernels-inl.h.

static float residual(const Residual& r) {
  Vector sum{};
  for (std::int64_t i = 0; i < r.count; i += kLanes) {
    const Vector left = load(r.picture + i) - load(r.expected + i);
    const Vector error = left * load(r.precision + i);
    sum += left * error;
    store(r.error + i, error);
  }
  return 0.5f * sum_of(sum);
}

static void residual_back(const ResidualBack& b) {
  for (std::int64_t i = 0; i < b.count; i += kLanes) {
    const Vector error = load(b.error + i), precision = load(b.precision + i);
    const Vector left = error / precision;
    const Vector adjoint = b.error_adjoint == nullptr ? Vector{} : load(b.error_adjoint + i);
    store(b.expected_adjoint + i, -(precision * adjoint + b.loss_weight * error));
    store(b.precision_adjoint + i,
          load(b.precision_adjoint + i) + (adjoint + 0.5f * b.loss_weight * left) * left);
  }
}
