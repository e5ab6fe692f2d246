#include "neurosplat/data/picture_loader.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <utility>

#include "data/parallel_over.h"
#include "data/prefetcher.h"
#include "data/tolerant_reader.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/epoch_order.h"

namespace neurosplat {
namespace {

constexpr int most_workers = 256;
constexpr std::int64_t longest_side = 16384;

void check_range(const char* what, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw UsageError(text("expected ", what, " from ", least, " to ", most, ", got ", value));
}

const LoaderOptions& checked(const LoaderOptions& options) {
  check_range("a picture side", options.side, 1, longest_side);
  check_range("a batch", options.batch, 1, std::int64_t{1} << 20U);
  check_range("a number of parts", options.parts, 1, std::int64_t{1} << 16U);
  check_range("a part", options.part, 0, options.drop_last ? options.parts - 1 : 0);
  check_range("a number of workers", options.workers, 1, most_workers);
  check_range("a memory budget in bytes", options.memory_budget, 0, std::int64_t{1} << 60U);
  return options;
}

at::Tensor room_for(std::int64_t pictures, std::int64_t side) {
  try {
    return at::empty({pictures, 3, side, side}, at::TensorOptions(at::kByte));
  } catch (const c10::Error&) {
    throw Error(text("expected room for ", pictures, " pictures of ", side, "x", side,
                     " pixels, memory ran out: lower the batch or the memory budget"));
  }
}

void mirror(std::uint8_t* planes, std::int64_t side) {
  for (std::int64_t row = 0; row < 3 * side; ++row)
    std::reverse(planes + row * side, planes + (row + 1) * side);
}

struct Epoch {
  std::int64_t number;
  std::vector<std::int64_t> order;  // indices into the source
};

}  // namespace

struct PictureLoader::State {
  State(std::shared_ptr<const PictureSource> source, const LoaderOptions& given)
      : options(checked(given)), reader(std::move(source), options.side) {
    const auto room = options.memory_budget / static_cast<std::int64_t>(reader.bytes());
    if (reader.size() <= room) {
      kept = room_for(reader.size(), options.side);
      reader.read_all(options.workers, kept.mutable_data_ptr<std::uint8_t>());
    } else {
      prefetcher.emplace(options.workers);
    }
    usable = reader.readable();
    // Pictures that cannot be read are the graver complaint, so this one comes after them.
    if (options.drop_last && reader.size() < whole_batch())
      throw Error(text("expected pictures for a batch of ", whole_batch(), ", there are ",
                       reader.size(), ": lower the batch"));
  }

  std::int64_t whole_batch() const { return options.batch * options.parts; }
  std::int64_t batches() const {
    return (reader.size() + (options.drop_last ? 0 : options.batch - 1)) / whole_batch();
  }

  // Picture `index` of the source or the one in its place.
  void copy_picture(std::int64_t index, std::uint8_t* planes) {
    if (kept.defined())
      std::memcpy(
          planes,
          kept.const_data_ptr<std::uint8_t>() + static_cast<std::size_t>(index) * reader.bytes(),
          reader.bytes());
    else
      reader.read(index, planes);
  }

  at::Tensor make_batch(const Epoch& of, std::int64_t batch, const std::atomic<bool>& cancelled) {
    const auto first = batch * whole_batch() + options.part;
    const auto count = std::min(options.batch, reader.size() - first);
    auto pictures = room_for(count, options.side);
    auto* planes = pictures.mutable_data_ptr<std::uint8_t>();
    for (std::int64_t k = 0; k < count && !cancelled; ++k, planes += reader.bytes()) {
      const auto index = of.order[static_cast<std::size_t>(first + k * options.parts)];
      copy_picture(index, planes);
      if (options.flip && is_flipped(options.seed, of.number, index)) mirror(planes, options.side);
    }
    return pictures;
  }

  LoaderOptions options;
  TolerantReader reader;
  at::Tensor kept;  // every picture, where they fit
  std::vector<std::int64_t> usable;
  std::shared_ptr<const Epoch> epoch;
  std::int64_t next_batch = 0;
  std::optional<Prefetcher> prefetcher;  // where they do not fit; last: its threads use the rest
};

LoaderOptions keep_all(const PictureSource& source, std::int64_t side, int workers) {
  return {.side = side,
          .workers = workers,
          .shuffle = false,
          .drop_last = false,
          .memory_budget = source.size() * 3 * side * side};
}

PictureLoader::PictureLoader(std::shared_ptr<const PictureSource> source,
                             const LoaderOptions& options)
    : state_(std::make_unique<State>(std::move(source), options)) {}

PictureLoader::~PictureLoader() = default;

std::int64_t PictureLoader::size() const {
  return static_cast<std::int64_t>(state_->usable.size());
}

std::int64_t PictureLoader::batches() const {
  return state_->batches();
}

const std::vector<std::int64_t>& PictureLoader::usable() const {
  return state_->usable;
}

void PictureLoader::start_epoch(std::int64_t epoch, std::int64_t first_batch) {
  auto& state = *state_;
  if (epoch < 0 || first_batch < 0 || first_batch > state.batches())
    throw Error(text("expected an epoch from 0 and a first batch from 0 to ", state.batches(),
                     ", got ", epoch, " and ", first_batch));
  state.epoch = std::make_shared<const Epoch>(Epoch{
      epoch, epoch_order(state.options.seed, epoch, state.reader.size(), state.options.shuffle)});
  state.next_batch = first_batch;
  if (!state.prefetcher) return;
  state.prefetcher->start(
      [&state, of = state.epoch](std::int64_t batch, const std::atomic<bool>& cancelled) {
        return state.make_batch(*of, batch, cancelled);
      },
      first_batch, state.batches());
}

std::optional<at::Tensor> PictureLoader::next() {
  auto& state = *state_;
  if (!state.epoch) throw Error("expected start_epoch before the first batch");
  if (state.prefetcher) return state.prefetcher->next();
  if (state.next_batch >= state.batches()) return std::nullopt;
  return state.make_batch(*state.epoch, state.next_batch++, false);
}

at::Tensor PictureLoader::pictures(const std::vector<std::int64_t>& positions) const {
  auto& state = *state_;
  for (const auto position : positions)
    if (position < 0 || position >= size())
      throw Error(text("expected a position from 0 to ", size() - 1, ", got ", position));
  const auto count = static_cast<std::int64_t>(positions.size());
  auto pictures = room_for(count, state.options.side);
  auto* planes = pictures.mutable_data_ptr<std::uint8_t>();
  parallel_over(count, state.kept.defined() ? 1 : state.options.workers, [&](std::int64_t k) {
    const auto position = static_cast<std::size_t>(positions[static_cast<std::size_t>(k)]);
    state.copy_picture(state.usable[position],
                       planes + static_cast<std::size_t>(k) * state.reader.bytes());
  });
  return pictures;
}

at::Tensor PictureLoader::pictures(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(std::max<std::int64_t>(0, count)));
  std::iota(positions.begin(), positions.end(), first);
  return pictures(positions);
}

at::Tensor to_unit_range(const at::Tensor& pictures, const at::Device& device) {
  if (pictures.scalar_type() != at::kByte)
    throw Error(text("expected uint8 pictures, got ", pictures.toString()));
  return pictures.to(device).to(at::kFloat).div_(255.0);
}

}  // namespace neurosplat
