#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "neurosplat/packet/anchors.h"
#include "neurosplat/packet/packet.h"
#include "neurosplat/perception/packet_gram.h"
#include "neurosplat/perception/packet_placement.h"
#include "neurosplat/renderer/renderer.h"
#include "perception/geometry_descent.h"
#include "perception/lock_solvers.h"
#include "perception/lock_time.h"

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

/// Coefficients by the Gram solve for the geometry at hand, a few corrections for the sigmoid, then
/// descent on geometry and coefficients together while the budget lasts. The next frame starts from
/// the packets and the factor of this one.
class ClosedFormSolver : public LockSolver {
 public:
  ClosedFormSolver(SplatVae model, const LockSolverSettings& settings)
      : model_(std::move(model)),
        settings_(settings),
        size_(model_.architecture().image_size),
        packets_(model_.architecture().packets) {}

  void reset() override {
    geometry_ = coefficients_ = at::Tensor();
    gram_.reset();
    descent_.reset();
  }

  LockView follow(const at::Tensor& frame, double budget_ms) override {
    const at::NoGradGuard no_gradient;
    Deadline deadline(budget_ms);
    const auto target = frame.to(at::kCPU, at::kFloat).contiguous();
    LockView view;
    view.prior = expect(target);
    if (!geometry_.defined()) {
      geometry_ = first_geometry(target);
      descent_.emplace(packets_);
    }
    if (!gram_) refactor();
    if (!coefficients_.defined()) {
      solve(target);
    } else {
      choose_start(target);
    }
    deadline.skip();
    correct(target, view, deadline);
    if (settings_.adapt) descend(target, view, deadline);
    return finished(target, std::move(view));
  }

 private:
  at::Tensor expect(const at::Tensor& target) {
    prior_packets_ = model_.decode(model_.encode(target.unsqueeze(0).to(model_.device())).mean);
    return model_.draw(prior_packets_)[0].cpu();
  }

  at::Tensor first_geometry(const at::Tensor& target) const {
    switch (settings_.geometry) {
      case Geometry::picture:
        return place_packets(target, {.packets = packets_});
      case Geometry::anchors:
        return anchor_geometry(packets_);
      case Geometry::decoder:
        break;
    }
    return activate_packets(prior_packets_)[0].cpu().slice(1, 0, packet::kCoefficients).clone();
  }

  void refactor() { gram_.emplace(geometry_, size_, size_, settings_.ridge); }

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

  void solve(const at::Tensor& target) {
    coefficients_ = gram_->solve(adjoint(field_of_picture(target)));
  }

  static double error(const at::Tensor& field, const at::Tensor& target) {
    return at::mse_loss(at::sigmoid(field), target).item<double>();
  }

  /// The last frame's coefficients, or a fresh solve where the scene has changed too much.
  void choose_start(const at::Tensor& target) {
    const auto kept = coefficients_;
    const double kept_error = error(field(kept), target);
    solve(target);
    if (kept_error < error(field(coefficients_), target)) coefficients_ = kept;
  }

  /// Steps along the ridge solution of the linearised problem; of a few lengths the best.
  void correct(const at::Tensor& target, LockView& view, Deadline& deadline) {
    constexpr std::array kLengths = {2.0, 4.0, 8.0, 16.0, 32.0};
    constexpr int kMost = 3;
    auto now = field(coefficients_);
    for (int i = 0; i < kMost && deadline.allows_another_step(); ++i) {
      const auto drawn = at::sigmoid(now);
      const auto direction = gram_->solve(adjoint((drawn - target) * drawn * (1 - drawn)));
      const auto change = field(direction);
      double least = error(now, target), best = 0;
      for (const double length : kLengths) {
        const double reached = error(now - length * change, target);
        if (reached < least) {
          least = reached;
          best = length;
        }
      }
      ++view.steps;
      deadline.step_done();
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

  void descend(const at::Tensor& target, LockView& view, Deadline& deadline) {
    deadline.expect_steps_of(0);
    bool moved = false;
    while (deadline.allows_another_step()) {
      descent_->step(geometry_, coefficients_, target);
      moved = true;
      ++view.steps;
      deadline.step_done();
    }
    if (moved) gram_.reset();
  }

  LockView finished(const at::Tensor& target, LockView view) const {
    view.locked = at::sigmoid(field(coefficients_));
    view.psnr_db = psnr_of_error(at::mse_loss(view.locked, target).item<double>());
    view.packets = at::cat({geometry_, coefficients_}, 1);
    return view;
  }

  SplatVae model_;
  LockSolverSettings settings_;
  std::int64_t size_, packets_;
  at::Tensor prior_packets_, geometry_, coefficients_;
  std::optional<PacketGram> gram_;
  std::optional<GeometryDescent> descent_;
};

}  // namespace

std::unique_ptr<LockSolver> make_closed_form_solver(const SplatVae& model,
                                                    const LockSolverSettings& settings) {
  return std::make_unique<ClosedFormSolver>(model, settings);
}

}  // namespace neurosplat
