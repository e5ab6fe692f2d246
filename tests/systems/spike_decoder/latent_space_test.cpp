#include "neurosplat/systems/spike_decoder/latent_space.h"

#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <string>

#include "io/one_line.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/npy_file.h"
#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"
#include "neurosplat/systems/hierarchical_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "support/temporary_folder.h"
#include "systems/spike_decoder/planted.h"
#include "systems/spike_decoder/script_space.h"

namespace neurosplat {
namespace {

using testing::noise;

at::Tensor pictures(std::int64_t count, std::int64_t side) {
  return at::rand({count, 3, side, side}, at::detail::createCPUGenerator(3), at::kFloat);
}

TEST(LatentSpace, PixelsAreMeans) {
  const auto space = open_latent_space("pixels", 32);
  EXPECT_EQ(space.size(), 3 * 16 * 16);
  const auto some = pictures(3, 32);
  const auto latents = latents_of(space, some);
  // Smoothed as they shrink: the mean over all stays.
  EXPECT_TRUE(latents.mean(1).allclose(some.mean({1, 2, 3}), 0.02, 0.005));
  const auto flat = at::full({2, 3, 32, 32}, 0.3F);
  EXPECT_TRUE(pictures_of(space, latents_of(space, flat), 48)
                  .allclose(at::full({2, 3, 48, 48}, 0.3F), 1e-5, 1e-6));
  const auto bytes = some.mul(255).round().to(at::kByte);
  EXPECT_TRUE(latents_of(space, bytes).allclose(latents, 0.01, 0.003));
}

TEST(LatentSpace, OfASplatVae) {
  const testing::TemporaryFolder folder;
  const SplatVae model({.image_size = 16, .packets = 4, .latent = 5}, 2);
  model.train(false);
  save_splat_vae(folder / "model.safetensors", model);
  const auto space = open_latent_space((folder / "model.safetensors").string(), 64);
  EXPECT_EQ(space.name, "splat-vae");
  EXPECT_EQ(space.size(), 5);
  const auto some = pictures(40, 16);
  const auto latents = latents_of(space, some);
  EXPECT_TRUE(latents.allclose(model.latents_of(some), 1e-4, 1e-5));
  EXPECT_TRUE(pictures_of(space, latents, 16).allclose(model.reconstruct(some), 1e-4, 1e-5));
  EXPECT_EQ(pictures_of(space, latents, 64).sizes(), at::IntArrayRef({40, 3, 64, 64}));
}

/// Blocks up to 16 places a side, each with a penalty of its own, in the model's order.
TEST(LatentSpace, OfAHierarchicalVae) {
  const testing::TemporaryFolder folder;
  const HierarchicalVae model({.image_size = 64,
                               .width = 8,
                               .latent_channels = 2,
                               .blocks = {1, 1, 1, 1, 1},
                               .encoder_blocks = {1, 1, 1, 1, 1}},
                              2);
  save_hierarchical_vae(folder / "model.safetensors", model, {});
  const auto space = open_latent_space(folder.path().string(), 64);
  EXPECT_EQ(space.name, "hierarchical-vae");
  EXPECT_EQ(space.side, 64);
  EXPECT_EQ(space.size(), 2 * (1 + 16 + 64 + 256));
  EXPECT_EQ(std::get<0>(at::_unique(space.group)).numel(), 4);
  const auto some = pictures(3, 64);
  const auto latents = latents_of(space, some);
  auto blocks = model.encode(some);
  blocks.resize(4);
  EXPECT_TRUE(latents.narrow(1, 2, 32).allclose(blocks[1].flatten(1), 1e-4, 1e-5));
  EXPECT_TRUE(pictures_of(space, latents, 64).allclose(model.decode(blocks), 1e-4, 1e-5));
}

class ScriptSpace : public ::testing::Test {
 protected:
  /// Encodes to the means of halves left and right, decodes to flat halves.
  std::string saved(const std::string& encode, const std::string& decode, std::int64_t side = 8,
                    const at::Tensor& group = {}) {
    torch::jit::Module network("Network");
    network.register_attribute("side", c10::IntType::get(), side);
    if (group.defined()) network.register_buffer("group", group);
    network.define("def encode(self, x):\n  return " + encode + "\n");
    network.define("def decode(self, z):\n  return " + decode + "\n");
    const auto file = folder_ / "network.pt";
    network.save(file.string());
    return "script:" + file.string();
  }

  std::string refusal(const std::string& name) {
    return testing::one_line_error([&] {
      const auto space = open_latent_space(name, 64);
      pictures_of(space, latents_of(space, pictures(2, 64)), 64);
    });
  }

  static constexpr const char* kEncode =
      "torch.stack([x[:, :, :, :4].mean([1, 2, 3]), x[:, :, :, 4:].mean([1, 2, 3])], 1)";
  static constexpr const char* kDecode =
      "z.repeat_interleave(4, 1).view([-1, 1, 1, 8]).expand([-1, 3, 8, 8])";
  testing::TemporaryFolder folder_;
};

TEST_F(ScriptSpace, IsTheUsersNetwork) {
  const auto space =
      open_latent_space(saved(kEncode, kDecode, 8, at::tensor({4, 9}, at::kLong)), 64);
  EXPECT_EQ(space.side, 8);
  EXPECT_TRUE(space.group.equal(at::tensor({4, 9}, at::kLong)));
  const auto some = pictures(35, 8);
  const auto latents = latents_of(space, some);
  EXPECT_TRUE(latents.select(1, 1).allclose(some.slice(3, 4).mean({1, 2, 3}), 1e-5, 1e-6));
  EXPECT_TRUE(pictures_of(space, latents, 8)[7][2][3][6].allclose(latents[7][1]));
}

TEST_F(ScriptSpace, RefusesWhatDoesNotFit) {
  EXPECT_NE(refusal("script:" + (folder_ / "none.pt").string()).find("found no file"),
            std::string::npos);
  EXPECT_NE(refusal(saved(kEncode, kDecode, 0)).find("side"), std::string::npos);
  EXPECT_NE(refusal(saved("x", kDecode)).find("encode"), std::string::npos);
  EXPECT_NE(refusal(saved(kEncode, "z")).find("decode"), std::string::npos);
  EXPECT_NE(refusal(saved(kEncode, kDecode, 8, at::tensor({4}, at::kLong))).find("group"),
            std::string::npos);
}

/// Rows of the session's pictures, a group for each of VD-VAE's levels.
TEST(LatentSpace, OfPublishedFeatures) {
  const testing::TemporaryFolder folder;
  const auto write = [&](const at::Tensor& rows) {
    GrowingNpy file(folder / "latents.npy", rows.size(1));
    file.append(rows.to(at::kDouble));
    file.commit();
  };
  const auto rows = noise({2, 91168}, 4);
  write(rows);
  const auto space = open_latent_space("features:" + (folder / "latents.npy").string(), 64);
  EXPECT_FALSE(space.decode);
  EXPECT_EQ(std::get<0>(at::_unique(space.group)).numel(), 31);
  EXPECT_EQ(space.group.eq(30).sum().item<std::int64_t>(), 16384);
  EXPECT_TRUE(latents_of(space, pictures(2, 16)).equal(rows.to(at::kFloat)));
  EXPECT_THROW(latents_of(space, pictures(3, 16)), Error);
  write(noise({2, 91167}, 4));
  testing::one_line_error(
      [&] { open_latent_space("features:" + (folder / "latents.npy").string(), 64); });
}

/// A second stage that blends with white by the strength.
TEST(ScriptRefiner, IsTheUsersNetwork) {
  const testing::TemporaryFolder folder;
  torch::jit::Module network("Network");
  network.register_attribute("side", c10::IntType::get(), std::int64_t{8});
  network.define("def refine(self, x, strength):\n  return x + strength * (1 - x)\n");
  network.save((folder / "network.pt").string());
  const auto refine = script_refiner(folder / "network.pt");
  const auto some = pictures(2, 8);
  EXPECT_TRUE(refine(some, 0.25).allclose(some + 0.25 * (1 - some), 1e-5, 1e-6));
  EXPECT_EQ(refine(pictures(2, 32), 1).sizes(), at::IntArrayRef({2, 3, 32, 32}));
  torch::jit::Module other("Network");
  other.register_attribute("side", c10::IntType::get(), std::int64_t{8});
  other.save((folder / "network.pt").string());
  testing::one_line_error([&] { script_refiner(folder / "network.pt"); });
}

TEST(LatentSpace, RefusesOthersInOneLine) {
  testing::one_line_error([] { open_latent_space("nothing-there", 64); });
  EXPECT_THROW(pixel_space(16, 17), UsageError);
}

}  // namespace
}  // namespace neurosplat
