#pragma once

#include <cstdint>

struct CUstream_st;

/// The CUDA renderer below its checks: plain pointers to device memory, sizes, a stream. Nothing
/// here allocates, waits for the device or uses floating-point atomics, so that every call can be
/// captured in a graph and gives the same bits each time. A launch that fails throws Error.
///
/// Arrays are dense float32:
///   raw, active, gradient   [B, N, 5 + 2C]
///   prepared                [B, kPreparedNumbers, N]: what the kernels need of both axes
///   field, field_gradient   [B, C, H, W]
/// A NaN or infinity among a packet's numbers makes its whole picture NaN.
namespace neurosplat::packet::cuda {

using Stream = CUstream_st*;

struct Shape {
  std::int64_t batch;
  int packets, channels, height, width;
};

inline constexpr int kPreparedNumbers = 10;

/// Throws UsageError where a grid or an offset would overflow.
void check_size(const Shape& shape);

void activate(const Shape& shape, const float* raw, float* active, Stream stream);
void activate_backward(const Shape& shape, const float* raw, const float* active_gradient,
                       float* raw_gradient, Stream stream);
void prepare(const Shape& shape, const float* active, float* prepared, Stream stream);

/// Floats of working memory that draw() needs; may be 0.
std::int64_t draw_workspace(const Shape& shape);
void draw(const Shape& shape, const float* active, const float* prepared, float* workspace,
          float* field, Stream stream);

/// Floats of working memory that gradient() needs.
std::int64_t gradient_workspace(const Shape& shape);
/// The loss's gradient with respect to the activated packets, from the one with respect to the
/// field.
void gradient(const Shape& shape, const float* active, const float* prepared,
              const float* field_gradient, float* workspace, float* gradient, Stream stream);

/// One step of locking onto a picture: draw with a sigmoid, mean squared error, its gradient, Adam
/// on the raw packets. Batch 1, 1 or 3 channels. All memory is the caller's.
struct LockMemory {
  float* raw;                             // [N, 5 + 2C]
  float *active, *prepared;               // of `raw`; kept up to date by every step
  const float* target;                    // [C, H, W], 0..1
  float* draw_space;                      // [max(draw_workspace, C*H*W)]
  float* field_gradient;                  // [C, H, W]
  float* gradient_space;                  // [gradient_workspace]
  float *active_gradient, *raw_gradient;  // [N, 5 + 2C]
  float *first_moment, *second_moment;    // [N, 5 + 2C], zero at first
  float* losses;       // [lock_losses]: squared errors by block; their sum / (C*H*W) is the
                       // error before the step
  std::int32_t* step;  // [1], zero at first
};

/// Adam as PyTorch has it.
struct AdamSettings {
  float learning_rate, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
};

std::int64_t lock_losses(const Shape& shape);
void lock_step(const Shape& shape, const LockMemory& memory, const AdamSettings& adam,
               Stream stream);

}  // namespace neurosplat::packet::cuda
