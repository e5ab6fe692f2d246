#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train spike-decoder`: ridge from responses to latents, into a file.
void add_train_spike_decoder(Program& program);
/// `neurosplat-sample spike-decoder`: pictures decoded from responses.
void add_sample_spike_decoder(Program& program);
/// `neurosplat-sample spike-session`: a simulated session as an NWB file.
void add_sample_spike_session(Program& program);
/// `neurosplat-evaluate spike-units`: what an NWB file holds.
void add_evaluate_spike_units(Program& program);
/// `neurosplat-evaluate spike-decoding`: decoded pictures beside their floors.
void add_evaluate_spike_decoding(Program& program);
/// `neurosplat-evaluate spike-areas`: by areas, units, repeats and penalties.
void add_evaluate_spike_areas(Program& program);
/// `neurosplat-evaluate spike-encoding`: responses foretold from pictures, and their ceiling.
void add_evaluate_spike_encoding(Program& program);
/// `neurosplat-live replay`: a recording, its decoded prior, the locked picture.
void add_live_replay(Program& program);

}  // namespace neurosplat::apps
