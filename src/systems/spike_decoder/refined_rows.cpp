#include "systems/spike_decoder/refined_rows.h"

#include <ATen/ATen.h>

#include <string>
#include <string_view>

#include "neurosplat/core/text.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "neurosplat/systems/patch_flow/picture_description.h"
#include "neurosplat/systems/patch_flow/picture_refinement.h"

namespace neurosplat {
namespace {

at::Tensor decoded_rows(const DecodedSession& session, const at::Tensor& rows) {
  if (!rows.defined()) return {};
  return decode_latents(session.responses, rows.cpu(), at::zeros({rows.size(1)}, at::kLong),
                        session.held_out, {.rescale = true});
}

/// Grey where the session's pictures are.
at::Tensor in_session(const DecodedSession& session, const at::Tensor& pictures) {
  if (!session.grey) return pictures;
  return pictures.mean(1, /*keepdim=*/true).expand({-1, 3, -1, -1}).contiguous();
}

/// The mean picture stays what it was: refined pictures know no more than the sketch's decoder.
DecodedPictures refined(const std::string& name, const DecodedSession& session,
                        const DecodedPictures& stage_one, const SecondStage& stage, double strength,
                        const Conditions& conditions) {
  if (stage.script) return {name, in_session(session, stage.script(stage_one.pictures, strength))};
  const auto side = stage.flow->architecture().image_size;
  const RefinementSteps steps{.strength = strength,
                              .steps = stage.steps,
                              .seed = session.seed,
                              .guidance = conditions.none() ? 1 : stage.guidance};
  const auto drawn =
      refined_pictures(*stage.flow, resized(stage_one.pictures, side), steps, conditions);
  return {name, in_session(session, resized(drawn, session.pictures.size(2)).clamp(0, 1))};
}

}  // namespace

SecondStage open_second_stage(const std::string& name) {
  constexpr std::string_view kScript = "script:";
  SecondStage stage;
  if (name.starts_with(kScript)) {
    stage.script = script_refiner(name.substr(kScript.size()));
  } else {
    stage.flow = load_patch_flow(name).model;
  }
  return stage;
}

Conditions decoded_conditions(const DecodedSession& session, const PatchFlow& flow) {
  const auto side = flow.architecture().image_size;
  const auto shown = describe(flow, resized(session.pictures, side));
  return {.vision = decoded_rows(session, shown.vision),
          .semantic = decoded_rows(session, shown.semantic)};
}

std::vector<DecodedPictures> refined_rows(const DecodedSession& session,
                                          const DecodedPictures& stage_one,
                                          const SecondStage& stage) {
  const auto conditions = stage.flow ? decoded_conditions(session, *stage.flow) : Conditions{};
  std::vector<DecodedPictures> rows;
  const auto add = [&](double strength, const std::string& what, const Conditions& given) {
    rows.push_back(
        refined(text("refined ", strength, what), session, stage_one, stage, strength, given));
  };
  for (const double strength : stage.strengths) add(strength, "", conditions);
  if (!conditions.vision.defined() || !conditions.semantic.defined()) return rows;
  const double last = stage.strengths.back();
  add(last, ", vision", {.vision = conditions.vision});
  add(last, ", semantic", {.semantic = conditions.semantic});
  add(last, ", neither", {});
  return rows;
}

}  // namespace neurosplat
