#include "neurosplat/training/picture_batches.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "neurosplat/training/saved_state.h"

namespace neurosplat {
namespace {

ImageOptions generated() {
  ImageOptions options;
  options.dataset = "synthetic";
  options.splits = {"train"};
  options.workers = 1;
  return options;
}

LoaderOptions small(const ImageOptions& options) {
  auto loader = loader_options(options, 3);
  loader.side = 16;
  loader.batch = 8;
  loader.flip = true;
  return loader;
}

TEST(PictureBatches, AreThoseOfTheLoader) {
  const auto options = generated();
  PictureBatches batches(open_pictures(pictures_of(options, {"val"}, 3)), small(options));
  PictureLoader loader(open_pictures(pictures_of(options, {"val"}, 3)), small(options));
  EXPECT_EQ(batches.count(), loader.batches());
  EXPECT_EQ(batches.size(), 8);
  batches.start_epoch(2, 1);
  loader.start_epoch(2, 1);
  std::int64_t count = 1;
  while (auto batch = batches.next()) {
    EXPECT_TRUE(batch->front().equal(*loader.next()));
    ++count;
  }
  EXPECT_EQ(count, batches.count());
}

TEST(HeldOutPictures, AreOfASplitThatIsNotTrainedOnAndNotFlipped) {
  const auto options = generated();
  const auto some = held_out_pictures(options, "test", 5, small(options));
  EXPECT_EQ(some.sizes(), at::IntArrayRef({5, 3, 16, 16}));
  auto plain = small(options);
  plain.flip = plain.shuffle = plain.drop_last = false;
  const PictureLoader all(open_pictures(pictures_of(options, {"test"}, 3)), plain);
  EXPECT_TRUE(
      held_out_pictures(options, "test", 0, small(options)).equal(all.pictures(0, all.size())));
  EXPECT_FALSE(held_out_pictures(options, "train", 5, small(options)).defined());
  auto wide = small(options);
  wide.batch = 1 << 19;  // more than there are
  EXPECT_EQ(held_out_pictures(options, "test", 5, wide).size(0), 5);
}

TEST(SavedState, GivesWeightsAndNoiseBack) {
  TensorFile state;
  add_weights(state, {{"a.b", at::ones({2})}, {"c", at::zeros({1})}});
  auto noise = at::detail::createCPUGenerator(4);
  at::rand({3}, noise);
  add_noise(state, noise);
  const auto weights = weights_in(state);
  ASSERT_EQ(weights.size(), 2U);
  EXPECT_TRUE(weights.at("a.b").equal(at::ones({2})));
  at::Generator other = at::detail::createCPUGenerator(5);
  load_noise(state, other);
  EXPECT_TRUE(at::rand({4}, noise).equal(at::rand({4}, other)));
  EXPECT_THROW(load_noise({}, other), Error);
}

}  // namespace
}  // namespace neurosplat
