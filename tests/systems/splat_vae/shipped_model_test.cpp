#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"
#include "support/command.h"
#include "support/temporary_folder.h"

/// The model of models/: what its card says of it holds.
namespace neurosplat {
namespace {

namespace fs = std::filesystem;

const fs::path& models() {
  static const auto folder = testing::source_folder() / "models";
  return folder;
}

nlohmann::json card() {
  std::ifstream in(models() / "flowers-128.json");
  return nlohmann::json::parse(in);
}

at::Tensor still(const std::string& name) {
  return read_picture(models() / "stills" / (name + ".png")).to(at::kFloat).div(255).unsqueeze(0);
}

double psnr(const at::Tensor& drawn, const at::Tensor& picture) {
  const auto error = (drawn.to(at::kDouble) - picture.to(at::kDouble)).square().mean();
  return -10 * error.log10().item<double>();
}

TEST(ShippedModel, GivesTheStillsBackAsItsCardSays) {
  const auto model = load_splat_vae(apps::shipped_model());
  const auto said = card();
  const auto refined = model.refining(said["test"]["refine_steps"].get<std::int64_t>());
  ASSERT_EQ(said["stills"].size(), 3U);
  for (const auto& [name, figures] : said["stills"].items()) {
    const auto picture = still(name);
    EXPECT_NEAR(psnr(model.reconstruct(picture), picture), figures["psnr_db"].get<double>(), 0.05)
        << name;
    EXPECT_NEAR(psnr(refined.reconstruct(picture), picture),
                figures["refined_psnr_db"].get<double>(), 0.05)
        << name;
  }
}

TEST(ShippedModel, IsWhatItsCardDescribes) {
  const auto described = load_described_splat_vae(apps::shipped_model());
  const auto& sizes = described.model.architecture();
  const auto said = card();
  EXPECT_EQ(said["architecture"]["latent"], sizes.latent);
  EXPECT_EQ(said["architecture"]["num_packets"], sizes.packets);
  EXPECT_EQ(said["architecture"]["image_size"], sizes.image_size);
  EXPECT_EQ(said["architecture"]["width"], sizes.width);
  EXPECT_EQ(said["architecture"]["decoder"], name_of(sizes.decoder));
  EXPECT_EQ(said["training"]["list_hash"], described.metadata.at("list_hash"));
  EXPECT_EQ(std::to_string(said["training"]["epochs"].get<int>()), described.metadata.at("epoch"));
  EXPECT_TRUE(described.prior);
  EXPECT_LE(fs::file_size(described.file), 20'000'000U);
  EXPECT_LE(said["numbers"].get<std::int64_t>(), 10'000'000);
}

// Figures that a reader takes from the card are those of unseen pictures, above the floor.
TEST(ShippedModel, IsBetterThanPcaOnPicturesItHasNotSeen) {
  const auto said = card();
  EXPECT_NE(said["test"]["list_hash"], said["training"]["list_hash"]);
  EXPECT_EQ(said["test"]["split"], "test");
  EXPECT_GT(said["test"]["psnr_mean_db"].get<double>(),
            said["test"]["pca_psnr_mean_db"].get<double>() + 1);
}

}  // namespace
}  // namespace neurosplat
