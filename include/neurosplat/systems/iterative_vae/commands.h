#pragma once

#include "neurosplat/page/served_part.h"
#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-evaluate ivae-bars`.
void add_evaluate_ivae_bars(Program& program);
/// `neurosplat-evaluate ivae-dictionary`.
void add_evaluate_ivae_dictionary(Program& program);
/// `neurosplat-evaluate ivae-sta`.
void add_evaluate_ivae_sta(Program& program);
/// `neurosplat-sample iterative-vae`.
void add_sample_iterative_vae(Program& program);
/// `neurosplat-live infer`.
void add_live_infer(Program& program);
/// The same for the page of `neurosplat-live serve`.
ServedPart spikes_part();
/// `neurosplat-train iterative-vae`.
void add_train_iterative_vae(Program& program);
/// `neurosplat-evaluate ivae-speed`.
void add_evaluate_ivae_speed(Program& program);
/// `neurosplat-evaluate ivae-convergence`.
void add_evaluate_ivae_convergence(Program& program);
/// `neurosplat-evaluate ivae-rate-distortion`.
void add_evaluate_ivae_rate_distortion(Program& program);
/// `neurosplat-evaluate ivae-mnist`.
void add_evaluate_ivae_mnist(Program& program);

}  // namespace neurosplat::apps
