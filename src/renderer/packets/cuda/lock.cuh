#pragma once

#include "renderer/packets/cuda/packets.cuh"

/// What a lock step does besides drawing and going back: the loss, and Adam.
namespace neurosplat::packet::cuda {

/// Adds the splits' fields, and writes the gradient of the mean squared error of their sigmoid.
/// Also counts the step, which the kernels after this one read.
struct LockLoss {
  static constexpr int kThreads = 256;
  struct Arguments {
    std::int64_t count;  // C * H * W
    int splits;
    const float* parts;  // [splits, count]
    const float* target;
    float *field_gradient, *losses;
    std::int32_t* step;
  };
  struct Shared {
    float losses[kThreads / 32];
  };

  static std::int64_t blocks(std::int64_t count) { return (count + kThreads - 1) / kThreads; }

  static NEUROSPLAT_DEVICE float squared_error(const Arguments& given, std::int64_t i) {
    float field = given.parts[i];
    for (int s = 1; s < given.splits; ++s) field += given.parts[s * given.count + i];
    const float drawn = packet::Arithmetic<float>::logistic(field);
    const float slope = drawn * packet::Arithmetic<float>::logistic(-field);
    const float error = drawn - given.target[i];
    given.field_gradient[i] = 2.0f / static_cast<float>(given.count) * error * slope;
    return error * error;
  }

  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared& shared) {
    const std::int64_t i = device::block() * kThreads + device::thread();
    float loss = i < given.count ? squared_error(given, i) : 0.0f;
    for (int mask = 1; mask < 32; mask *= 2) loss += device::shuffle_xor(loss, mask);
    if (device::thread() % 32 == 0) shared.losses[device::thread() / 32] = loss;
    device::synchronise();
    if (device::thread() != 0) return;
    float sum = 0.0f;
    for (int w = 0; w < kThreads / 32; ++w) sum += shared.losses[w];
    given.losses[device::block()] = sum;
    if (device::block() == 0) *given.step += 1;
  }
};

/// Moments to gradient, through the activation, Adam, and the packet made ready to be drawn again.
struct LockUpdate : PacketKernel {
  struct Arguments {
    Shape shape;
    MomentParts parts;
    LockMemory memory;
    AdamSettings adam;
  };

  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared&) {
    const Shape& shape = given.shape;
    const LockMemory& memory = given.memory;
    const std::int64_t i = own();
    if (i >= shape.packets) return;
    const int numbers = packet::numbers(shape.channels);
    const std::int64_t at = i * numbers;
    const Anchor anchor = anchor_of(shape, i);
    gather_gradient(given.parts, shape, i, memory.active + at, memory.active_gradient + at);
    packet::activate_backward(memory.raw + at, anchor.x, anchor.y, shape.channels,
                              memory.active_gradient + at, memory.raw_gradient + at);
    const double step = *memory.step;
    const AdamSettings& adam = given.adam;
    const auto size = static_cast<float>(adam.learning_rate / (1.0 - std::pow(adam.beta1, step)));
    const auto root = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(adam.beta2, step)));
    for (std::int64_t k = at; k < at + numbers; ++k) {
      const float g = memory.raw_gradient[k];
      const float m = adam.beta1 * memory.first_moment[k] + (1.0f - adam.beta1) * g;
      const float v = adam.beta2 * memory.second_moment[k] + (1.0f - adam.beta2) * g * g;
      memory.first_moment[k] = m;
      memory.second_moment[k] = v;
      memory.raw[k] -= size * m / (std::sqrt(v) * root + adam.epsilon);
    }
    packet::activate(memory.raw + at, anchor.x, anchor.y, shape.channels, memory.active + at);
    prepare_packet(memory.active + at, shape, memory.prepared + i, shape.packets);
  }
};

}  // namespace neurosplat::packet::cuda
