#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/renderer/packets/anchors.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/systems/lock/packet_gram.h"
#include "neurosplat/systems/lock/packet_placement.h"
#include "systems/lock/geometry_descent.h"
#include "systems/lock/lock_solvers.h"
#include "systems/lock/lock_time.h"

namespace neurosplat {
namespace {

/// Logits of a picture, kept away from those that no finite field reaches.
at::Tensor field_of_picture(const at::Tensor& picture) {
  return at::logit(picture.clamp(0.02, 0.98));
}

/// A regular grid over the whole frame with waves in all directions: it knows nothing of a picture.
at::Tensor anchor_geometry(std::int64_t packets) {
  constexpr double kFirst = 0.02, kLast = 0.98, kWidth = 0.8, kFrequency = 0.14;
  constexpr double kGoldenAngle = 2.399963229728653;
  const std::int64_t side = packet::anchor_side(packets);
  auto geometry = at::empty({packets, packet::kCoefficients}, at::kFloat);
  auto row = geometry.accessor<float, 2>();
  const auto place = [&](std::int64_t i) {
    return side == 1
               ? 0.5
               : kFirst + (kLast - kFirst) * static_cast<double>(i) / static_cast<double>(side - 1);
  };
  for (std::int64_t n = 0; n < packets; ++n) {
    row[n][packet::kX] = static_cast<float>(place(n / side));
    row[n][packet::kY] = static_cast<float>(place(n % side));
    row[n][packet::kWidth] = static_cast<float>(kWidth / static_cast<double>(side));
    row[n][packet::kOrientation] =
        static_cast<float>(std::fmod(static_cast<double>(n) * kGoldenAngle, M_PI));
    row[n][packet::kFrequency] = static_cast<float>(kFrequency * static_cast<double>(side));
  }
  return geometry;
}

/// Frames after which the factor is made again, where the budget has room for it.
constexpr int kFactorLasts = 10;

/// Left over of every budget at least: a step may take a little longer than those before.
constexpr double kReserveMs = 0.3;

/// What a start or a factor may take, in units of the quickest of a few.
constexpr double kSlack = 1.2;

/// Coefficients by the Gram solve for the geometry at hand, corrected for the sigmoid, then descent
/// on geometry and coefficients together while the budget lasts. The next frame starts from the
/// packets of this one, and from its factor, which is made again from time to time.
class ClosedFormSolver : public LockSolver {
 public:
  ClosedFormSolver(SplatVae model, const LockSolverSettings& settings)
      : model_(std::move(model)),
        settings_(settings),
        size_(model_.architecture().image_size),
        packets_(model_.architecture().packets) {
    anchors_ = no_narrower(anchor_geometry(packets_));
    const auto nothing = at::full({3, size_, size_}, 0.5, at::kFloat);
    start_ms_ = factor_ms_ = INFINITY;
    constexpr int kRounds = 5;  // the first also wakes libraries and threads
    for (int i = 0; i < kRounds; ++i) {
      const Deadline watch(0);
      (void)place_packets(nothing, {.packets = packets_});
      const double placed_ms = watch.elapsed_ms();
      anchor_gram_ = factored(anchors_);
      start_ms_ = std::min(start_ms_, kSlack * watch.elapsed_ms());
      factor_ms_ = std::min(factor_ms_, kSlack * (watch.elapsed_ms() - placed_ms));
    }
  }

  void reset() override {
    geometry_ = coefficients_ = at::Tensor();
    gram_.reset();
    descent_.reset();
  }

  LockView follow(const at::Tensor& frame, double budget_ms) override {
    const at::NoGradGuard no_gradient;
    Deadline deadline(budget_ms - finish_ms_ - reserve_ms_);
    const auto target = frame.to(at::kCPU, at::kFloat).contiguous();
    LockView view;
    view.prior = expect(target);
    if (geometry_.defined() &&
        ((provisional_ && deadline.allows(start_ms_)) || is_another_scene(target))) {
      reset();
    }
    const bool starts = !geometry_.defined();
    if (starts) {
      start(target, deadline);
    } else if (frames_since_factor_ >= kFactorLasts && deadline.allows(factor_ms_)) {
      gram_ = factored(geometry_);
    }
    ++frames_since_factor_;
    deadline.expect_steps_of(correction_ms_);
    correction_ms_ *= 0.8;  // one that took long once is tried again
    correct(target, view, deadline, /*least_steps=*/starts ? 0 : 1);
    if (settings_.adapt) descend(target, view, deadline);
    view = finished(target, std::move(view));
    reserve_ms_ =
        std::max(kReserveMs, reserve_after(reserve_ms_, deadline.elapsed_ms(), budget_ms));
    return view;
  }

 private:
  at::Tensor expect(const at::Tensor& target) {
    prior_packets_ = model_.decode(prior_latent(model_, target.unsqueeze(0).to(model_.device())));
    return model_.draw(prior_packets_)[0].cpu();
  }

  at::Tensor no_narrower(at::Tensor geometry) const {
    geometry.select(1, packet::kWidth).clamp_min_(settings_.narrowest);
    return geometry;
  }

  at::Tensor first_geometry(const at::Tensor& target) const {
    switch (settings_.geometry) {
      case Geometry::picture:
        return place_packets(target, {.packets = packets_});
      case Geometry::anchors:
        return anchors_.clone();
      case Geometry::decoder:
        break;
    }
    return activate_packets(prior_packets_)[0].cpu().slice(1, 0, packet::kCoefficients).clone();
  }

  std::shared_ptr<const PacketGram> factored(const at::Tensor& geometry) {
    frames_since_factor_ = 0;
    return std::make_shared<const PacketGram>(geometry, size_, size_, settings_.ridge);
  }

  /// Where the time does not reach for a geometry of the frame's own, anchors serve whose factor is
  /// at hand, until a frame comes with more of it.
  void start(const at::Tensor& target, const Deadline& deadline) {
    provisional_ = settings_.geometry == Geometry::picture && !deadline.allows(start_ms_);
    const bool anchors = provisional_ || settings_.geometry == Geometry::anchors;
    geometry_ = anchors ? anchors_.clone() : no_narrower(first_geometry(target));
    gram_ = anchors ? anchor_gram_ : factored(geometry_);
    frames_since_factor_ = 0;
    descent_.emplace(packets_, DescentSettings{.narrowest = settings_.narrowest});
    coefficients_ = gram_->solve(adjoint(field_of_picture(target)));
  }

  /// Whether the frame is so unlike the last one that its packets are no place to start from.
  bool is_another_scene(const at::Tensor& target) const {
    constexpr double kFarOff = 0.015, kFactor = 6;
    const double kept = error(field(coefficients_), target);
    return kept > kFarOff && kept > kFactor * last_error_;
  }

  static RenderOptions linear() {
    return {.form = PacketForm::activated, .output = Output::linear};
  }

  at::Tensor field(const at::Tensor& coefficients) const {
    return render(at::cat({geometry_, coefficients}, 1).unsqueeze(0), size_, size_, linear())[0];
  }

  /// P times a picture: the renderer's adjoint, [N, 2C].
  at::Tensor adjoint(const at::Tensor& picture) const {
    const at::AutoGradMode gradient(true);
    auto packets = at::cat({geometry_, at::zeros({packets_, 2 * picture.size(0)})}, 1)
                       .unsqueeze(0)
                       .requires_grad_(true);
    render(packets, size_, size_, linear()).backward(picture.unsqueeze(0));
    return packets.grad()[0].slice(1, packet::kCoefficients);
  }

  static double dot(const at::Tensor& a, const at::Tensor& b) {
    return at::dot(a.flatten(), b.flatten()).item<double>();
  }
  static double ratio(double above, double below) { return below > 0 ? above / below : 0; }

  static double error(const at::Tensor& field, const at::Tensor& target) {
    return at::mse_loss(at::sigmoid(field), target).item<double>();
  }

  /// Steps along the ridge solution of the linearised problem, as long as the sigmoid's own
  /// linearisation says, or half of that. A factor of some frames ago still is a good metric for
  /// them. One step makes nearly all of the gain; more are taken where no descent follows.
  /// `least_steps` are taken whatever the time: packets that a frame does not move show the one
  /// before.
  void correct(const at::Tensor& target, LockView& view, Deadline& deadline, int least_steps) {
    const int most = settings_.adapt ? 1 : 3;
    auto now = field(coefficients_);
    auto drawn = at::sigmoid(now);
    for (int i = 0; i < most && (i < least_steps || deadline.allows_another_step()); ++i) {
      const auto miss = drawn - target, slope = drawn * (1 - drawn);
      const auto direction = gram_->solve(adjoint(miss * slope));
      const auto change = field(direction), first_order = slope * change;
      const double full = ratio(dot(miss, first_order), dot(first_order, first_order));
      double least = dot(miss, miss), best = 0;
      for (const double length : {full, 0.5 * full}) {
        const auto tried = at::sigmoid(now - length * change);
        const double reached = (tried - target).square_().sum().item<double>();
        if (reached >= least) continue;
        least = reached;
        best = length;
        drawn = tried;
      }
      ++view.steps;
      deadline.step_done();
      correction_ms_ = deadline.last_step_ms();
      if (best == 0) break;
      coefficients_ = coefficients_ - best * direction;
      now = now - best * change;
    }
    inhibit();
  }

  /// Soft threshold on each colour's amplitude (LCA's competition once the ridge has spoken).
  void inhibit() {
    if (settings_.threshold == 0) return;
    const auto pairs = coefficients_.unflatten(1, {-1, 2});
    const auto amplitude = pairs.square().sum(2, true).sqrt();
    const auto kept = at::relu(amplitude - settings_.threshold) / amplitude.clamp_min(1e-12);
    coefficients_ = (pairs * kept).flatten(1).contiguous();
  }

  /// Descent while the budget lasts. Some steps climb: the best state seen is kept.
  void descend(const at::Tensor& target, LockView& view, Deadline& deadline) {
    deadline.expect_steps_of(0);
    auto geometry = geometry_, coefficients = coefficients_;
    auto best_geometry = geometry_, best_coefficients = coefficients_;
    double least = INFINITY;
    while (deadline.allows_another_step()) {
      const auto from_geometry = geometry, from_coefficients = coefficients;
      const double reached = descent_->step(geometry, coefficients, target);
      if (reached < least) {
        least = reached;
        best_geometry = from_geometry;
        best_coefficients = from_coefficients;
      }
      ++view.steps;
      deadline.step_done();
    }
    if (std::isinf(least)) return;
    geometry_ = geometry;
    coefficients_ = coefficients;
    if (error(field(coefficients_), target) <= least) return;
    geometry_ = best_geometry;
    coefficients_ = best_coefficients;
  }

  /// What is shown: the lock, or the prior where that is nearer. Packets that lose to it stand
  /// where this scene has no use for them, so that the next frame with time for it starts anew.
  LockView finished(const at::Tensor& target, LockView view) {
    const Deadline watch(0);
    view.locked = at::sigmoid(field(coefficients_));
    last_error_ = at::mse_loss(view.locked, target).item<double>();
    const double prior_error = at::mse_loss(view.prior, target).item<double>();
    view.psnr_db = psnr_db_of_error(std::min(last_error_, prior_error));
    if (prior_error < last_error_) {
      provisional_ = settings_.geometry == Geometry::picture;
      view.locked = view.prior;
      view.packets = activate_packets(prior_packets_)[0].cpu();
    } else {
      view.packets = at::cat({geometry_, coefficients_}, 1);
    }
    finish_ms_ = std::max(watch.elapsed_ms(), 0.9 * finish_ms_);
    return view;
  }

  SplatVae model_;
  LockSolverSettings settings_;
  std::int64_t size_, packets_;
  at::Tensor anchors_, prior_packets_, geometry_, coefficients_;
  std::shared_ptr<const PacketGram> anchor_gram_;
  std::shared_ptr<const PacketGram>
      gram_;  // of the geometry as it was frames_since_factor_ frames ago
  int frames_since_factor_ = 0;
  bool provisional_ = false;
  double start_ms_ = 0, factor_ms_ = 0, correction_ms_ = 0, finish_ms_ = 0, last_error_ = 0;
  double reserve_ms_ = kReserveMs;
  std::optional<GeometryDescent> descent_;
};

}  // namespace

std::unique_ptr<LockSolver> make_closed_form_solver(const SplatVae& model,
                                                    const LockSolverSettings& settings) {
  return std::make_unique<ClosedFormSolver>(model, settings);
}

}  // namespace neurosplat
