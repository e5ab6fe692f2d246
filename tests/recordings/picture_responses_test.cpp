#include "neurosplat/recordings/picture_responses.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "neurosplat/core/error.h"
#include "neurosplat/recordings/feature_layouts.h"
#include "nwb_cases.h"
#include "support/command.h"
#include "support/stored_numbers.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

TEST(PictureResponses, RepeatsInOrderOfTime) {
  const auto counts = at::arange(12, at::kInt).view({6, 2});
  const auto folded = repeats_of(counts, std::vector<std::int64_t>{1, -1, 0, 1, 1, 0}, 2);
  ASSERT_EQ(folded.sizes(), at::IntArrayRef({2, 2, 3}));
  EXPECT_TRUE(
      folded.equal(at::tensor({4, 10, -1, 5, 11, -1, 0, 6, 8, 1, 7, 9}, at::kInt).view({2, 2, 3})));
  EXPECT_THROW(repeats_of(counts, std::vector<std::int64_t>{1, -1, 0, 1, 1}, 2), Error);
  EXPECT_THROW(repeats_of(counts, std::vector<std::int64_t>{1, -1, 0, 1, 1, 2}, 2), Error);
  EXPECT_THROW(repeats_of(counts, std::vector<std::int64_t>{1, -1, 0, 1, 1, -2}, 2), Error);
  EXPECT_THROW(repeats_of(counts, std::vector<std::int64_t>{1, -1, 1, 1, 1, 1}, 2), Error);
  EXPECT_THROW(repeats_of(counts, std::vector<std::int64_t>(6, -1), 0), Error);
}

TEST(PictureResponses, OfAnNwbFile) {
  const TemporaryFolder folder;
  const auto path = write_small(folder / "a.nwb");
  put_numbers(path, "/intervals/natural_scenes_presentations/frame", {1, -1, 0});
  const NwbFile file(path);
  const auto shown = file.presentations("natural_scenes");
  const auto responses = responses_of(file, std::vector<std::size_t>{0, 2}, shown, {0, 0.25});
  // Unit 0 has none in 1 to 1.25 s and in 1.5 to 1.75; unit 2 has three from 1.25 on, of the blank.
  EXPECT_TRUE(responses.counts.equal(at::zeros({2, 2, 1}, at::kInt)));
  EXPECT_EQ(responses_of(file, std::vector<std::size_t>{0, 2}, shown, {0.05, 0.3})
                .counts[1][1][0]
                .item<int>(),
            3);
  EXPECT_EQ(responses.areas, (std::vector<std::string>{"VISl", "VISam"}));
  EXPECT_EQ(responses.name, "small");
  EXPECT_TRUE(responses.group.equal(at::arange(2)));
  EXPECT_FALSE(responses.pictures.defined());
}

TEST(PictureResponses, OfTheSharedV1Session) {
  const auto root = shared_folder("data/v1-macaque-henaff2021");
  if (!root) GTEST_SKIP() << "SKIPPED: no shared data/v1-macaque-henaff2021";
  const auto session = read_v1_session(*root, "ay2_u003", 32);
  const auto responses = responses_of(session);
  EXPECT_EQ(responses.counts.sizes(), session.counts.sizes());
  EXPECT_EQ(responses.counts.scalar_type(), at::kInt);
  EXPECT_EQ(responses.counts.min().item<int>(), -1);
  EXPECT_TRUE(responses.group.equal(session.movie));
  EXPECT_EQ(responses.areas, std::vector<std::string>(39, "V1"));
}

class ResponseFiles : public ::testing::Test {
 protected:
  fs::path file(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name, std::ios::binary) << content;
    return folder / name;
  }
  TemporaryFolder folder;
};

TEST_F(ResponseFiles, TablesWithAndWithoutNames) {
  const auto expected = at::tensor({1, 2, 3, 4}, at::kInt).view({2, 2});
  for (const char* content : {"1,2\n3,4\n", "a,b\r\n1,2\r\n3,4", ",0,1\n0,1,2\n1,3,4\n",
                              "unit 1,unit 2\n1.0, 2\n3,4.0\n\n"}) {
    EXPECT_TRUE(read_counts(file("a.csv", content)).equal(expected)) << content;
  }
  EXPECT_TRUE(read_counts(file("a.csv", "0,1,2\n5,6,7\n"))
                  .equal(at::tensor({5, 6, 7}, at::kInt).view({1, 3})));
  for (const char* content :
       {"", "a,b\n", "1,2\n3\n", "1,2\n3,4,5\n", "1,2\n3,x\n", "1,2\n3,\n", "1,2\n3,-1\n",
        "1,2\n3,1.5\n", "1,2\n3,nan\n", "1,2\n3,1e10\n", "1,2\n3,inf\n"}) {
    EXPECT_THROW(read_counts(file("a.csv", content)), Error) << content;
  }
  EXPECT_THROW(read_counts(folder / "none.csv"), Error);
  EXPECT_THROW(read_counts(file("a.txt", "1,2\n")), UsageError);
}

TEST_F(ResponseFiles, ResponsesOfTrials) {
  const auto counts = file("design_array_VISp.csv", "a,b\n1,2\n3,4\n5,6\n7,8\n");
  const auto pictures = file("stimuli.csv", "trial,image\n0,1\n1,0\n2,-1\n3,1\n");
  const auto responses = read_picture_responses(counts, pictures, "VISp");
  EXPECT_EQ(responses.name, "design_array_VISp");
  EXPECT_TRUE(
      responses.counts.equal(at::tensor({3, -1, 4, -1, 1, 7, 2, 8}, at::kInt).view({2, 2, 2})));
  EXPECT_EQ(responses.areas, (std::vector<std::string>{"VISp", "VISp"}));
  EXPECT_THROW(read_picture_responses(counts, "", "VISp"), UsageError);
  EXPECT_THROW(
      read_picture_responses(counts, file("b.csv", "trial,image\n0,1\n1,0\n3,1\n4,0\n"), "VISp"),
      Error);
  EXPECT_THROW(read_picture_responses(counts, file("b.csv", "trial,image\n0,1\n1,0\n"), "VISp"),
               Error);
}

TEST_F(ResponseFiles, ResponsesOfArrays) {
  const auto cube = file("a.npy", npy_bytes({1, 2, -1, 4, 5, 6, 7, 8}, "2, 2, 2"));
  const auto responses = read_picture_responses(cube, "", "V4");
  EXPECT_TRUE(
      responses.counts.equal(at::tensor({1, 2, -1, 4, 5, 6, 7, 8}, at::kInt).view({2, 2, 2})));
  EXPECT_EQ(responses.areas.size(), 2U);
  EXPECT_THROW(read_counts(file("a.npy", npy_bytes({1, 2.5F}, "1, 2"))), Error);
  EXPECT_THROW(read_counts(file("a.npy", npy_bytes({1, -1}, "1, 2"))), Error);
  EXPECT_THROW(read_counts(file("a.npy", npy_bytes({1, 2}, "2,"))), Error);
  EXPECT_THROW(read_counts(file("a.npy", npy_bytes({}, "0, 2"))), Error);
  EXPECT_EQ(read_trial_pictures(file("a.npy", npy_bytes({1, -1, 0}, "3,"))),
            (std::vector<std::int64_t>{1, -1, 0}));
}

TEST_F(ResponseFiles, FeaturesAreKnownByTheirShape) {
  const auto sizes = vdvae_level_sizes();
  std::int64_t sum = 0;
  for (const auto size : sizes) sum += size;
  EXPECT_EQ(sum, kVdvaeLatents);
  EXPECT_EQ(sizes[1], 16);
  EXPECT_EQ(sizes[2], 256);
  EXPECT_EQ(sizes[13], 1024);
  EXPECT_EQ(sizes[30], 16384);
  std::vector<float> values(kVdvaeLatents, 0.5F);
  values[7] = -2;
  const auto latents = read_picture_features(file("a.npy", npy_bytes(values, "1, 91168")));
  EXPECT_EQ(latents.layout, FeatureLayout::kVdvaeLatents);
  EXPECT_EQ(latents.values[0][7].item<float>(), -2);
  values.assign(2 * 77 * 768, 1);
  EXPECT_EQ(read_picture_features(file("a.npy", npy_bytes(values, "2, 77, 768"))).layout,
            FeatureLayout::kClipText);
  values.assign(257 * 768, 1);
  // Half as many numbers of twice the bytes: float64 that all are finite; 0x3f8000003f800000.
  EXPECT_EQ(read_picture_features(file("a.npy", npy_bytes(values, "1, 257, 768"))).layout,
            FeatureLayout::kClipVision);
  values.resize(257 * 768 / 2);
  EXPECT_EQ(
      read_picture_features(file("a.npy", npy_bytes(values, "1, 257, 768", "<f2"))).values.dtype(),
      at::kFloat);
  values.assign(77 * 768, 1);
  values[5] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(read_picture_features(file("a.npy", npy_bytes(values, "1, 77, 768"))), Error);
  EXPECT_THROW(read_picture_features(file("a.npy", npy_bytes(values, "1, 59136"))), Error);
  EXPECT_THROW(read_picture_features(file("a.npy", npy_bytes(values, "1, 77, 768", "<i4"))), Error);
}

}  // namespace
}  // namespace neurosplat::testing
