#include "neurosplat/data/picture_loader.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "neurosplat/core/error.h"

namespace neurosplat::testing {
namespace {

constexpr std::int64_t side = 4;
constexpr std::int64_t bytes = 3 * side * side;

/// Picture `index` tells its index in its left column and is 255 elsewhere. Some are unreadable.
class CountedSource : public PictureSource {
 public:
  explicit CountedSource(std::int64_t size, std::set<std::int64_t> faulty = {})
      : size_(size), faulty_(std::move(faulty)) {}

  std::int64_t size() const override { return size_; }
  std::string name(std::int64_t index) const override { return std::to_string(index); }
  void decode(std::int64_t index, std::int64_t pixels, std::uint8_t* planes) const override {
    ++decodes;
    if (index == deadly) throw std::runtime_error("a fault of another kind");
    if (delay.count() > 0 && index % 3 == 0) std::this_thread::sleep_for(delay);
    std::fill(planes, planes + 3 * pixels * pixels, index % 2 == 0 ? 255 : 254);
    if (faulty_.contains(index)) throw Error("picture " + std::to_string(index) + " is torn");
    for (std::int64_t row = 0; row < 3 * pixels; ++row)
      planes[row * pixels] = static_cast<std::uint8_t>(row % 2 == 0 ? index % 250 : index / 250);
  }

  mutable std::atomic<int> decodes = 0;
  std::int64_t deadly = -1;
  std::chrono::microseconds delay{0};

 private:
  std::int64_t size_;
  std::set<std::int64_t> faulty_;
};

struct Seen {
  std::int64_t index;
  bool flipped;
  auto operator<=>(const Seen&) const = default;
};

Seen read_back(const at::Tensor& picture) {
  const auto plane = picture[0];
  const auto at = [&](int y, int x) { return plane[y][x].item<int>(); };
  const bool flipped = at(0, 0) >= 254;
  const int column = flipped ? side - 1 : 0;
  return {at(0, column) + 250 * at(1, column), flipped};
}

std::vector<Seen> read_back_all(const at::Tensor& batch) {
  std::vector<Seen> seen;
  for (std::int64_t k = 0; k < batch.size(0); ++k) seen.push_back(read_back(batch[k]));
  return seen;
}

std::vector<Seen> run_epoch(PictureLoader& loader, std::int64_t epoch, std::int64_t first = 0) {
  std::vector<Seen> seen;
  loader.start_epoch(epoch, first);
  std::int64_t count = first;
  for (; const auto batch = loader.next(); ++count) {
    EXPECT_EQ(batch->scalar_type(), at::kByte);
    EXPECT_EQ(batch->sizes().slice(1), (at::IntArrayRef{3, side, side}));
    const auto more = read_back_all(*batch);
    seen.insert(seen.end(), more.begin(), more.end());
  }
  EXPECT_EQ(count, loader.batches());
  EXPECT_FALSE(loader.next());
  return seen;
}

std::vector<std::int64_t> indices(const std::vector<Seen>& seen) {
  std::vector<std::int64_t> all;
  for (const auto& one : seen) all.push_back(one.index);
  return all;
}

LoaderOptions with(std::int64_t batch, int workers = 2, std::int64_t memory_budget = 1 << 30) {
  LoaderOptions options;
  options.side = side;
  options.batch = batch;
  options.workers = workers;
  options.seed = 7;
  options.memory_budget = memory_budget;
  return options;
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no Error";
}

using Faulty = std::set<std::int64_t>;

TEST(PictureLoader, BatchesDependNeitherOnWorkersNorOnBudget) {
  // The last picture is unreadable, and the first, which stands in its place, too.
  for (const auto& faulty : {Faulty{}, Faulty{0, 299, 298}}) {
    std::set<std::vector<Seen>> epochs;
    for (const int workers : {1, 4})
      for (const std::int64_t budget : {std::int64_t{0}, std::int64_t{1} << 30}) {
        const auto source = std::make_shared<CountedSource>(300, faulty);
        source->delay = std::chrono::microseconds(workers == 4 ? 50 : 0);
        auto options = with(7, workers, budget);
        options.flip = true;
        options.drop_last = false;
        PictureLoader loader(source, options);
        auto seen = run_epoch(loader, 0);
        const auto second = run_epoch(loader, 1);
        EXPECT_NE(seen, second);
        seen.insert(seen.end(), second.begin(), second.end());
        epochs.insert(seen);
      }
    ASSERT_EQ(epochs.size(), 1U);
    auto drawn = indices(*epochs.begin());
    ASSERT_EQ(drawn.size(), 600U);
    for (const std::size_t epoch : {0U, 1U}) {
      std::vector<std::int64_t> expected(300);
      std::iota(expected.begin(), expected.end(), 0);
      if (!faulty.empty()) expected[0] = expected[298] = expected[299] = 1;
      std::sort(expected.begin(), expected.end());
      const auto first = drawn.begin() + static_cast<std::ptrdiff_t>(300 * epoch);
      std::sort(first, first + 300);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), first));
    }
  }
}

// Order and flips of seed 7, epoch 3 as a script of its own computed them with splitmix64.
TEST(PictureLoader, OrderIsPinned) {
  auto options = with(12);
  options.flip = true;
  PictureLoader loader(std::make_shared<CountedSource>(12), options);
  const std::vector<std::int64_t> order = {6, 2, 7, 10, 8, 3, 5, 4, 9, 1, 11, 0};
  const std::vector<bool> flips = {true,  true, false, false, true,  true,
                                   false, true, true,  false, false, true};
  const auto seen = run_epoch(loader, 3);
  EXPECT_EQ(indices(seen), order);
  for (const auto& one : seen)
    EXPECT_EQ(one.flipped, flips[static_cast<std::size_t>(one.index)]) << one.index;
}

TEST(PictureLoader, ResumesInTheMiddleOfAnEpoch) {
  for (const std::int64_t budget : {0, 1 << 30}) {
    auto options = with(8, 3, budget);
    options.flip = true;
    PictureLoader whole(std::make_shared<CountedSource>(100), options);
    run_epoch(whole, 0);
    const auto through = run_epoch(whole, 1);
    ASSERT_EQ(through.size(), 96U);
    for (const std::int64_t first : {1, 5, 12}) {
      PictureLoader resumed(std::make_shared<CountedSource>(100), options);
      const auto rest = run_epoch(resumed, 1, first);
      EXPECT_EQ(rest, std::vector<Seen>(through.begin() + 8 * first, through.end()));
    }
    EXPECT_THROW(whole.start_epoch(1, 13), Error);
    EXPECT_THROW(whole.start_epoch(-1), Error);
  }
}

TEST(PictureLoader, StartingAgainDropsWhatIsUnderWay) {
  const auto source = std::make_shared<CountedSource>(100);
  source->delay = std::chrono::microseconds(100);
  PictureLoader loader(source, with(5, 4, 0)), reference(source, with(5));
  EXPECT_THROW(loader.next(), Error);
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    reference.start_epoch(epoch, epoch % 3);
    loader.start_epoch(epoch, epoch % 3);
    for (std::int64_t batch = 0; batch < epoch % 5; ++batch)
      EXPECT_TRUE(at::equal(*loader.next(), *reference.next()));
  }
}

TEST(PictureLoader, WithoutShuffleOrDropLast) {
  auto options = with(8);
  options.shuffle = false;
  options.drop_last = false;
  PictureLoader loader(std::make_shared<CountedSource>(20), options);
  EXPECT_EQ(loader.batches(), 3);
  std::vector<std::int64_t> expected(20);
  std::iota(expected.begin(), expected.end(), 0);
  const auto seen = run_epoch(loader, 4);
  EXPECT_EQ(indices(seen), expected);
  for (const auto& one : seen) EXPECT_FALSE(one.flipped);
  options.drop_last = true;
  EXPECT_EQ(PictureLoader(std::make_shared<CountedSource>(20), options).batches(), 2);
  EXPECT_NE(message_of([&] {
              PictureLoader(std::make_shared<CountedSource>(7), options);
            }).find("batch of 8"),
            std::string::npos);
}

TEST(PictureLoader, SeedsAndEpochsDiffer) {
  std::set<std::vector<Seen>> distinct;
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    auto options = with(100);
    options.seed = seed;
    options.flip = true;
    PictureLoader loader(std::make_shared<CountedSource>(100), options);
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) distinct.insert(run_epoch(loader, epoch));
  }
  EXPECT_EQ(distinct.size(), 9U);
}

TEST(PictureLoader, FlipsHalfOfThePictures) {
  auto options = with(1000);
  options.flip = true;
  options.shuffle = false;
  PictureLoader loader(std::make_shared<CountedSource>(2000), options);
  const auto first = run_epoch(loader, 0), second = run_epoch(loader, 1);
  const auto flipped = [](const Seen& one) { return one.flipped; };
  // Five standard deviations are 112.
  EXPECT_NEAR(static_cast<double>(std::count_if(first.begin(), first.end(), flipped)), 1000, 112);
  int changed = 0;
  for (std::size_t i = 0; i < first.size(); ++i)
    if (first[i].flipped != second[i].flipped) ++changed;
  EXPECT_NEAR(changed, 1000, 112);
}

TEST(PictureLoader, KeepsPicturesWithinTheBudgetOnly) {
  const auto source = std::make_shared<CountedSource>(50);
  PictureLoader kept(source, with(10, 2, 50 * bytes));
  EXPECT_EQ(source->decodes, 50);
  run_epoch(kept, 0);
  EXPECT_EQ(source->decodes, 50);
  PictureLoader decoding(source, with(10, 2, 50 * bytes - 1));
  EXPECT_EQ(source->decodes, 50);
  run_epoch(decoding, 0);
  EXPECT_EQ(source->decodes, 100);
}

TEST(PictureLoader, RunsAheadByFewBatches) {
  const auto source = std::make_shared<CountedSource>(1000);
  PictureLoader loader(source, with(10, 2, 0));
  loader.start_epoch(0);
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_GE(source->decodes, 20);
  EXPECT_LE(source->decodes, 60);
}

TEST(PictureLoader, UnreadablePicturesAreWarnedOfOnce) {
  for (const std::int64_t budget : {0, 1 << 30}) {
    ::testing::internal::CaptureStderr();
    PictureLoader loader(std::make_shared<CountedSource>(200, Faulty{17, 60}), with(20, 4, budget));
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) run_epoch(loader, epoch);
    const auto said = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
    EXPECT_NE(said.find("picture 17 is torn"), std::string::npos) << said;
    EXPECT_NE(said.find("picture 60 is torn"), std::string::npos) << said;
  }
}

TEST(PictureLoader, MoreThanOneInAHundredIsAnError) {
  EXPECT_NO_THROW(PictureLoader(std::make_shared<CountedSource>(100, Faulty{3}), with(5)));
  EXPECT_EQ(
      message_of([] { PictureLoader(std::make_shared<CountedSource>(99, Faulty{3}), with(5)); }),
      "1 of 99 pictures could not be read (1 % allowed), first: picture 3 is torn");
  EXPECT_EQ(message_of([] {
              PictureLoader(std::make_shared<CountedSource>(40, Faulty{3, 9, 20}), with(5));
            }),
            "3 of 40 pictures could not be read (1 % allowed), first: picture 3 is torn");
  PictureLoader loader(std::make_shared<CountedSource>(200, Faulty{3, 9, 20}), with(5, 3, 0));
  loader.start_epoch(0);
  const auto message = message_of([&] {
    while (loader.next()) continue;
  });
  EXPECT_NE(message.find("3 of 200 pictures could not be read (1 % allowed), first: picture "),
            std::string::npos)
      << message;
  loader.start_epoch(1);
  EXPECT_EQ(message_of([&] { loader.next(); }), message);
}

TEST(PictureLoader, OtherFailuresReachTheCaller) {
  const auto source = std::make_shared<CountedSource>(100);
  source->deadly = 55;
  EXPECT_THROW(PictureLoader(source, with(10, 4)), std::runtime_error);
  PictureLoader loader(source, with(10, 4, 0));
  loader.start_epoch(0);
  EXPECT_THROW(while (loader.next()) continue, std::runtime_error);
  EXPECT_THROW(loader.pictures({1, 55}), std::runtime_error);
}

TEST(PictureLoader, PicturesByPosition) {
  const auto source = std::make_shared<CountedSource>(300, Faulty{10});
  auto options = with(10);
  options.flip = true;
  const PictureLoader kept(source, options);
  EXPECT_EQ(kept.size(), 299);
  EXPECT_EQ(kept.usable()[9], 9);
  EXPECT_EQ(kept.usable()[10], 11);
  EXPECT_EQ(read_back_all(kept.pictures({298, 0, 10, 10, 280})),
            (std::vector<Seen>{{299, false}, {0, false}, {11, false}, {11, false}, {281, false}}));
  EXPECT_EQ(kept.pictures({}).size(0), 0);
  EXPECT_THROW(kept.pictures({299}), Error);
  EXPECT_THROW(kept.pictures({-1}), Error);

  options.memory_budget = 0;
  const PictureLoader decoding(source, options);
  EXPECT_EQ(decoding.size(), 300);
  EXPECT_EQ(read_back_all(decoding.pictures({299, 10, 9})),
            (std::vector<Seen>{{299, false}, {11, false}, {9, false}}));
}

TEST(PictureLoader, RefusesOptionsThatCannotBe) {
  const auto source = std::make_shared<CountedSource>(10);
  const auto refused = [&](auto change) {
    auto options = with(2);
    change(options);
    EXPECT_THROW(PictureLoader(source, options), UsageError);
  };
  refused([](auto& options) { options.side = 0; });
  refused([](auto& options) { options.side = std::int64_t{1} << 40; });
  refused([](auto& options) { options.batch = 0; });
  refused([](auto& options) { options.workers = 0; });
  refused([](auto& options) { options.memory_budget = -1; });
  EXPECT_THROW(PictureLoader(std::make_shared<CountedSource>(0), with(2)), Error);
}

TEST(PictureLoader, UnitRange) {
  const auto levels = at::arange(256, at::kByte).view({1, 1, 16, 16});
  const auto unit = to_unit_range(levels, at::kCPU);
  EXPECT_EQ(unit.scalar_type(), at::kFloat);
  for (int level = 0; level < 256; ++level)
    EXPECT_FLOAT_EQ(unit.view({-1})[level].item<float>(), static_cast<float>(level) / 255.0F);
  EXPECT_THROW(to_unit_range(unit, at::kCPU), Error);
}

TEST(PictureLoader, KeepsAllThatCanBeReadInTheirOrder) {
  const auto source = std::make_shared<CountedSource>(300, std::set<std::int64_t>{120});
  const PictureLoader loader(source, keep_all(*source, side, 3));
  ASSERT_EQ(loader.size(), 299);
  const auto decoded = source->decodes.load();
  const auto seen = read_back_all(loader.pictures(110, 20));
  ASSERT_EQ(seen.size(), 20U);
  for (std::size_t k = 0; k < seen.size(); ++k) {
    const auto index = 110 + static_cast<std::int64_t>(k);
    EXPECT_EQ(seen[k], (Seen{index < 120 ? index : index + 1, false}));
  }
  EXPECT_EQ(source->decodes.load(), decoded);
  EXPECT_THROW(loader.pictures(298, 2), Error);
}

}  // namespace
}  // namespace neurosplat::testing
