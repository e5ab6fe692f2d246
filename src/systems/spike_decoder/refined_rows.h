#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/systems/patch_flow/patch_flow.h"
#include "systems/spike_decoder/decoding_rows.h"
#include "systems/spike_decoder/script_space.h"

namespace neurosplat {

/// The second stage: decoded pictures as sketches that a patch flow, or a user's network, draws
/// anew.
struct SecondStage {
  std::optional<PatchFlow> flow;
  PictureRefiner script = {};     ///< in place of a flow
  std::vector<double> strengths;  ///< shares of the flow's way; the published one is .75
  std::int64_t steps = 64;
  double guidance = 1;
};

/// "script:FILE" (script_refiner()) or a patch flow's run folder or file.
SecondStage open_second_stage(const std::string& name);

/// What the flow is to show, decoded from the session's responses: each of its conditions by a
/// ridge of its own, held out like the latents and with the training pictures' spread. None for a
/// flow without conditions.
Conditions decoded_conditions(const DecodedSession& session, const PatchFlow& flow);

/// "refined .75" of `stage_one` for each strength, with every condition that the flow takes, mixed
/// .6 and .4 where there are two; for two conditions at the last strength also each alone and none.
std::vector<DecodedPictures> refined_rows(const DecodedSession& session,
                                          const DecodedPictures& stage_one,
                                          const SecondStage& stage);

}  // namespace neurosplat
