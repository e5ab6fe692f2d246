#include "renderer/packets/matrix/matrix_renderer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/anchors.h"
#include "neurosplat/renderer/packets/packet.h"
#include "renderer/packets/matrix/picture_work.h"

namespace neurosplat::packet::matrix {
namespace {

/// Anchor logits of N packets, [2][padded N]; made once for each N.
const float* anchor_table(std::int64_t packets) {
  static std::mutex mutex;
  static std::map<std::int64_t, std::unique_ptr<const AlignedFloats>> tables;
  const std::lock_guard lock(mutex);
  auto& table = tables[packets];
  if (!table) {
    const auto row = static_cast<std::size_t>(padded(packets));
    auto made = std::make_unique<AlignedFloats>(2 * row);
    for (std::size_t n = 0; n < static_cast<std::size_t>(packets); ++n) {
      const auto anchor = packet::anchor_logit(static_cast<std::int64_t>(n), packets);
      (*made)[n] = static_cast<float>(anchor.x);
      (*made)[row + n] = static_cast<float>(anchor.y);
    }
    table = std::move(made);
  }
  return table->data();
}

/// The pictures that are worked on at a time, one a thread; when there are fewer, threads share the
/// blocks of one. All buffers are kept from call to call.
struct Slice {
  std::vector<PictureWork> pictures;
  std::vector<AlignedFloats> fields;  // one for each part of each picture
};

Slice& slice_of_this_thread() {
  thread_local Slice slice;
  return slice;
}

Scratch& scratch_of_this_thread() {
  thread_local Scratch scratch;
  return scratch;
}

template <class Work>
void in_parallel(std::int64_t count, const Work& work) {
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) work(i);
  });
}

/// A picture's tensors by pointer.
struct Batch {
  Shape shape;
  std::int64_t pictures;
  std::int64_t numbers, pixels;  // of one picture
  const float* packets;
  const float* anchors;
  double cutoff;
  bool squash;
};

Batch batch_of(const at::Tensor& packets, std::int64_t height, std::int64_t width,
               const RenderOptions& options) {
  const Shape shape{packets.size(1), (packets.size(2) - packet::kCoefficients) / 2, height, width};
  return {shape,
          packets.size(0),
          packets.size(1) * packets.size(2),
          shape.channels * height * width,
          packets.const_data_ptr<float>(),
          options.form == PacketForm::raw ? anchor_table(shape.packets) : nullptr,
          options.cutoff,
          options.output == Output::sigmoid};
}

/// Walks a batch in slices. work(slice, first picture, pictures, parts) has `parts` threads for
/// each picture.
template <class Work>
void for_slices(const Batch& batch, const Work& work) {
  const std::int64_t threads = at::get_num_threads();
  Slice& slice = slice_of_this_thread();
  for (std::int64_t first = 0; first < batch.pictures; first += threads) {
    const std::int64_t pictures = std::min(threads, batch.pictures - first);
    const std::int64_t parts = (threads + pictures - 1) / pictures;
    if (slice.pictures.size() < static_cast<std::size_t>(pictures)) {
      slice.pictures.resize(static_cast<std::size_t>(pictures));
    }
    if (slice.fields.size() < static_cast<std::size_t>(pictures * parts)) {
      slice.fields.resize(static_cast<std::size_t>(pictures * parts));
    }
    work(slice, first, pictures, parts);
  }
}

void prepare(const Batch& batch, std::int64_t picture, PictureWork& work) {
  try {
    work.prepare(batch.shape, {batch.packets + picture * batch.numbers, batch.anchors},
                 batch.cutoff);
  } catch (const UsageError& error) {
    throw UsageError(text(error.what(), " of picture ", picture));
  }
}

/// First block of a part.
std::int64_t part_start(std::int64_t blocks, std::int64_t part, std::int64_t parts) {
  return blocks * part / parts;
}

void draw_slice(const Batch& batch, Slice& slice, std::int64_t first, std::int64_t pictures,
                std::int64_t parts, float* out) {
  const std::int64_t channels = batch.shape.channels;
  const std::int64_t channel_pixels = batch.pixels / channels;
  const auto draw_part = [&](std::int64_t i) {
    const auto& work = slice.pictures[static_cast<std::size_t>(i / parts)];
    auto& fields = slice.fields[static_cast<std::size_t>(i)];
    std::fill_n(take(fields, static_cast<std::size_t>(work.field_numbers())), work.field_numbers(),
                0.0f);
    work.draw_blocks(part_start(work.blocks(), i % parts, parts),
                     part_start(work.blocks(), i % parts + 1, parts), fields.data(),
                     scratch_of_this_thread());
  };
  const auto spread = [&](std::int64_t picture, std::int64_t channel) {
    slice.pictures[static_cast<std::size_t>(picture)].spread_channel(
        channel, slice.fields[static_cast<std::size_t>(picture * parts)].data(), batch.squash,
        out + (first + picture) * batch.pixels + channel * channel_pixels,
        scratch_of_this_thread());
  };
  if (parts == 1) {
    in_parallel(pictures, [&](std::int64_t i) {
      prepare(batch, first + i, slice.pictures[static_cast<std::size_t>(i)]);
      draw_part(i);
      for (std::int64_t c = 0; c < channels; ++c) spread(i, c);
    });
    return;
  }
  in_parallel(pictures, [&](std::int64_t i) {
    prepare(batch, first + i, slice.pictures[static_cast<std::size_t>(i)]);
  });
  in_parallel(pictures * parts, draw_part);
  in_parallel(pictures * channels, [&](std::int64_t i) {
    const std::int64_t picture = i / channels, channel = i % channels;
    slice.pictures[static_cast<std::size_t>(picture)].add_parts(
        channel, slice.fields.data() + picture * parts, parts);
    spread(picture, channel);
  });
}

void gradient_slice(const Batch& batch, Slice& slice, std::int64_t first, std::int64_t pictures,
                    std::int64_t parts, const float* picture_gradient, const float* squashed,
                    float* gradient) {
  const std::int64_t channels = batch.shape.channels;
  const std::int64_t channel_pixels = batch.pixels / channels;
  const auto start = [&](std::int64_t i) {
    auto& work = slice.pictures[static_cast<std::size_t>(i)];
    prepare(batch, first + i, work);
    take(slice.fields[static_cast<std::size_t>(i)], static_cast<std::size_t>(work.field_numbers()));
  };
  const auto gather = [&](std::int64_t picture, std::int64_t channel) {
    const std::int64_t at = (first + picture) * batch.pixels + channel * channel_pixels;
    slice.pictures[static_cast<std::size_t>(picture)].gather_channel(
        channel, picture_gradient + at, squashed != nullptr ? squashed + at : nullptr,
        slice.fields[static_cast<std::size_t>(picture)].data(), scratch_of_this_thread());
  };
  const auto part = [&](std::int64_t i) {
    const std::int64_t picture = i / parts;
    const auto& work = slice.pictures[static_cast<std::size_t>(picture)];
    work.block_gradients(part_start(work.blocks(), i % parts, parts),
                         part_start(work.blocks(), i % parts + 1, parts),
                         slice.fields[static_cast<std::size_t>(picture)].data(),
                         gradient + (first + picture) * batch.numbers, scratch_of_this_thread());
  };
  if (parts == 1) {
    in_parallel(pictures, [&](std::int64_t i) {
      start(i);
      for (std::int64_t c = 0; c < channels; ++c) gather(i, c);
      part(i);
    });
    return;
  }
  in_parallel(pictures, start);
  in_parallel(pictures * channels, [&](std::int64_t i) { gather(i / channels, i % channels); });
  in_parallel(pictures * parts, part);
}

/// Packs the options for autograd.
struct SavedOptions {
  static constexpr const char* kRaw = "raw";
  static constexpr const char* kSquash = "squash";
  static constexpr const char* kCutoff = "cutoff";
};

RenderOptions options_of(bool raw, bool squash, double cutoff) {
  return {.form = raw ? PacketForm::raw : PacketForm::activated,
          .output = squash ? Output::sigmoid : Output::linear,
          .cutoff = cutoff};
}

class Drawing : public torch::autograd::Function<Drawing> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given,
                            std::int64_t height, std::int64_t width, bool raw, bool squash,
                            double cutoff) {
    const at::NoGradGuard no_gradient;
    const auto packets = given.contiguous();
    const Batch batch = batch_of(packets, height, width, options_of(raw, squash, cutoff));
    auto pictures =
        at::empty({batch.pictures, batch.shape.channels, height, width}, packets.options());
    float* out = pictures.mutable_data_ptr<float>();
    for_slices(batch,
               [&](Slice& slice, std::int64_t first, std::int64_t count, std::int64_t parts) {
                 draw_slice(batch, slice, first, count, parts, out);
               });
    context->save_for_backward({packets, squash ? pictures : at::Tensor()});
    auto& saved = context->saved_data;
    saved[SavedOptions::kRaw] = raw;
    saved[SavedOptions::kSquash] = squash;
    saved[SavedOptions::kCutoff] = cutoff;
    return pictures;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    auto& saved = context->saved_data;
    const auto tensors = context->get_saved_variables();
    const auto options =
        options_of(saved[SavedOptions::kRaw].toBool(), saved[SavedOptions::kSquash].toBool(),
                   saved[SavedOptions::kCutoff].toDouble());
    return {gradient(gradients[0], tensors[0], tensors[1], options), {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor draw(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                const RenderOptions& options) {
  return Drawing::apply(packets, height, width, options.form == PacketForm::raw,
                        options.output == Output::sigmoid, options.cutoff);
}

at::Tensor gradient(const at::Tensor& picture_gradient, const at::Tensor& given,
                    const at::Tensor& pictures, const RenderOptions& options) {
  const at::NoGradGuard no_gradient;
  const auto packets = given.contiguous();
  const Batch batch =
      batch_of(packets, picture_gradient.size(2), picture_gradient.size(3), options);
  auto result = at::empty_like(packets);
  const auto from = picture_gradient.contiguous();
  const auto drawn = batch.squash ? pictures.contiguous() : pictures;
  const float* squashed = batch.squash ? drawn.const_data_ptr<float>() : nullptr;
  float* out = result.mutable_data_ptr<float>();
  for_slices(batch, [&](Slice& slice, std::int64_t first, std::int64_t count, std::int64_t parts) {
    gradient_slice(batch, slice, first, count, parts, from.const_data_ptr<float>(), squashed, out);
  });
  return result;
}

}  // namespace neurosplat::packet::matrix
