#include "systems/spike_decoder/refined_rows.h"

#include <gtest/gtest.h>

#include "neurosplat/metrics/identification.h"
#include "neurosplat/systems/patch_flow/picture_description.h"
#include "systems/spike_decoder/planted.h"

namespace neurosplat {
namespace {

using testing::noise;

PatchFlow flow_of(const std::string& vision, const std::string& semantic) {
  PatchFlowArchitecture sizes;
  sizes.image_size = 16;
  sizes.patch = 8;
  sizes.width = 64;
  sizes.depth = 1;
  sizes.heads = 1;
  sizes.hidden = 32;
  sizes.splats = 4;
  sizes.vision = vision;
  sizes.semantic = semantic;
  return PatchFlow(sizes, 1);
}

/// Flat pictures in colours that responses are linear in.
struct Recorded {
  PictureResponses responses;

  Recorded() {
    const auto colours = at::rand({40, 3, 1, 1}, at::detail::createCPUGenerator(2), at::kFloat);
    responses.pictures = colours.mul(255).expand({40, 3, 16, 16}).to(at::kByte).contiguous();
    const auto drive =
        at::mm(colours.view({40, 3}).to(at::kDouble), noise({3, 20}, 3).abs()) * 8 + 1;
    responses.counts = drive.round().to(at::kInt).unsqueeze(2);
    responses.areas.assign(20, "V1");
    responses.group = at::arange(40, at::kLong);
  }
};

DecodedPictures grey_sketch() {
  return {"sketch", at::full({40, 3, 16, 16}, 0.5F)};
}

TEST(RefinedRows, ConditionsComeFromSpikes) {
  const Recorded recorded;
  const auto session = session_of(recorded.responses, 1, 19);
  const auto flow = flow_of("thumbnail", "none");
  fit_standards(flow, session.pictures);
  const auto decoded = decoded_conditions(session, flow);
  EXPECT_FALSE(decoded.semantic.defined());
  const auto shown = describe(flow, session.pictures).vision;
  ASSERT_EQ(decoded.vision.sizes(), shown.sizes());
  EXPECT_GT(correlations(decoded.vision, shown).diagonal().mean().item<double>(), 0.9);
  EXPECT_TRUE(decoded_conditions(session, flow_of("none", "none")).none());
}

TEST(RefinedRows, ARowForEachStrengthAndCondition) {
  const Recorded recorded;
  const auto session = session_of(recorded.responses, 1, 19);
  const auto names = [&](const PatchFlow& flow) {
    fit_standards(flow, session.pictures);
    std::vector<std::string> all;
    const SecondStage stage{.flow = flow, .strengths = {0.25, 0.75}, .steps = 4};
    for (const auto& row : refined_rows(session, grey_sketch(), stage)) {
      all.push_back(row.name);
      EXPECT_EQ(row.pictures.sizes(), session.pictures.sizes());
      EXPECT_GE(row.pictures.min().item<double>(), 0);
      EXPECT_LE(row.pictures.max().item<double>(), 1);
    }
    return all;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(flow_of("none", "none")), (Names{"refined 0.25", "refined 0.75"}));
  EXPECT_EQ(names(flow_of("thumbnail", "statistics")),
            (Names{"refined 0.25", "refined 0.75", "refined 0.75, vision", "refined 0.75, semantic",
                   "refined 0.75, neither"}));
}

}  // namespace
}  // namespace neurosplat
