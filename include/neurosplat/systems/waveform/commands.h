#pragma once

#include "neurosplat/page/served_part.h"
#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train waveform-ae`.
void add_train_waveform(Program& program);
/// `neurosplat-evaluate waveform`.
void add_evaluate_waveform(Program& program);
/// `neurosplat-evaluate waveform-prediction`.
void add_evaluate_waveform_prediction(Program& program);
/// Pictures to waveforms and back, for `neurosplat-live serve`.
ServedPart waveform_part();

}  // namespace neurosplat::apps
