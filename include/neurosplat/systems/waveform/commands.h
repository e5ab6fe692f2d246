#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train waveform-ae`.
void add_train_waveform(Program& program);
/// `neurosplat-evaluate waveform`.
void add_evaluate_waveform(Program& program);
/// `neurosplat-evaluate waveform-prediction`.
void add_evaluate_waveform_prediction(Program& program);
/// `neurosplat-live serve`.
void add_live_serve(Program& program);

}  // namespace neurosplat::apps
