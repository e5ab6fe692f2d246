#include "neurosplat/systems/spike_decoder/spike_decoder.h"

#include <gtest/gtest.h>

#include <string>

#include "io/one_line.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "support/temporary_folder.h"
#include "systems/spike_decoder/planted.h"

namespace neurosplat {
namespace {

using testing::noise;
using testing::Planted;

SpikeDecoder decoder_of(const Planted& planted, const DecoderChoices& choices = {}) {
  return {planted.responses, planted.latents, planted.group, planted.latent_group, choices};
}

TEST(SpikeDecoder, FindsWhatIsLinear) {
  const Planted planted(1e-3);
  const auto decoded = decoder_of(planted)(planted.responses);
  EXPECT_EQ(decoded.scalar_type(), at::kFloat);
  EXPECT_LT((decoded - planted.latents).norm().item<double>(),
            0.02 * planted.latents.norm().item<double>());
}

/// The normal equations of standardised responses, the penalty of each latent group.
TEST(SpikeDecoder, IsTheRidgeOfEachGroupsPenalty) {
  const Planted planted(1);
  const auto decoder = decoder_of(planted);
  ASSERT_EQ(decoder.penalties().sizes(), at::IntArrayRef({2}));
  const auto mean = planted.responses.mean(0);
  const auto deviation = planted.responses.std(0, /*unbiased=*/false);
  const auto x = (planted.responses - mean) / deviation;
  const auto asked = noise({5, 30}, 9) * 3;
  for (std::int64_t group = 0; group < 2; ++group) {
    const auto own = planted.latent_group.eq(group).nonzero().flatten();
    const auto y = planted.latents.index_select(1, own);
    const auto penalty = 80 * decoder.penalties()[group].item<double>();
    const auto weights = at::linalg_solve(at::mm(x.t(), x) + penalty * at::eye(30, x.options()),
                                          at::mm(x.t(), y - y.mean(0)));
    const auto expected = at::mm((asked - mean) / deviation, weights) + y.mean(0);
    EXPECT_TRUE(decoder(asked).index_select(1, own).to(at::kDouble).allclose(expected, 1e-4, 1e-5));
  }
}

/// Of noisy responses ridge decodes little; rescaled, new latents have the training spread.
TEST(SpikeDecoder, RescalesToTheTrainingSpread) {
  const Planted planted(4), fresh(4, 1);
  const auto plain = decoder_of(planted)(planted.responses);
  const auto rescaled = decoder_of(planted, {.rescale = true})(planted.responses);
  const auto mean = planted.latents.mean(0);
  // The same direction, a factor for each latent, the mean where it was.
  const auto factor = (rescaled - mean) / (plain - mean);
  EXPECT_TRUE(factor.allclose(factor[0].expand_as(factor), 1e-3, 1e-3));
  EXPECT_GT(factor.min().item<double>(), 1);
  Planted many(4);
  const auto spread = at::linalg_norm(many.latents - many.latents.mean(0)).item<double>();
  EXPECT_GT((rescaled - mean).norm().item<double>(), 0.9 * spread);
}

TEST(SpikeDecoder, KeepsItsFile) {
  const testing::TemporaryFolder folder;
  const Planted planted(1);
  const auto decoder = decoder_of(planted);
  save_spike_decoder(folder / "decoder.safetensors", decoder, {{"session", "planted"}});
  for (const auto& path : {folder / "decoder.safetensors", folder.path()}) {
    const auto stored = load_spike_decoder(path);
    EXPECT_TRUE(stored.decoder(planted.responses).equal(decoder(planted.responses)));
    EXPECT_EQ(stored.metadata.at("session"), "planted");
  }
}

TEST(SpikeDecoder, RefusesOtherFilesInOneLine) {
  const testing::TemporaryFolder folder;
  const auto file = folder / "decoder.safetensors";
  const auto decoder = decoder_of(Planted(1));
  const auto refused = [&](const TensorFile& content) {
    write_safetensors(file, content);
    const auto said = testing::one_line_error([&] { load_spike_decoder(file); });
    EXPECT_NE(said.find(file.string()), std::string::npos) << said;
    return said;
  };
  TensorFile content{decoder.state(), {{"model", "spike-decoder"}}};
  auto other = content;
  other.metadata["model"] = "splat-vae";
  EXPECT_NE(refused(other).find("splat-vae"), std::string::npos);
  other = content;
  other.tensors.erase("offset");
  EXPECT_NE(refused(other).find("offset"), std::string::npos);
  other = content;
  other.tensors["weights"] = at::zeros({29, 12});
  refused(other);
  other.tensors["weights"] = at::full({30, 12}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_NE(refused(other).find("finite"), std::string::npos);
  other = content;
  other.tensors["deviation"] = at::zeros({30}, at::kDouble);
  EXPECT_NE(refused(other).find("positive"), std::string::npos);
}

TEST(SpikeDecoder, RefusesOtherResponses) {
  const auto decoder = decoder_of(Planted(1));
  EXPECT_THROW(decoder(at::zeros({4, 29})), Error);
  EXPECT_THROW(decoder(at::zeros({30})), Error);
}

TEST(SpikeDecoder, ResponsesAreRootsOfMeansOverTheRepeatsThere) {
  const auto counts = at::tensor({9, -1, 1, 3, 4, 4, 16, 16}, at::kInt).view({2, 1, 4});
  EXPECT_TRUE(decoder_responses(counts).allclose(
      at::tensor({13.0 / 3, 10.0}, at::kDouble).sqrt().view({2, 1})));
}

}  // namespace
}  // namespace neurosplat
