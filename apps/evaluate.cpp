#include "neurosplat/core/leave.h"
#include "neurosplat/program/program.h"
#include "neurosplat/report/commands.h"
#include "neurosplat/systems/cortex/commands.h"
#include "neurosplat/systems/hierarchical_vae/commands.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/lock/commands.h"
#include "neurosplat/systems/patch_flow/commands.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "neurosplat/systems/splat_predictor/commands.h"
#include "neurosplat/systems/splat_vae/commands.h"
#include "neurosplat/systems/waveform/commands.h"

int main(int argc, char** argv) {
  namespace apps = neurosplat::apps;
  apps::Program program("neurosplat-evaluate",
                        "Measure a model on pictures that it was not trained on, or repeat an "
                        "experiment.",
                        argc, argv);
  neurosplat::leave(apps::run_program(program, [](apps::Program& all) {
    apps::add_evaluate_reconstruction(all);
    apps::add_evaluate_samples(all);
    apps::add_evaluate_agreement(all);
    apps::add_evaluate_novelty(all);
    apps::add_evaluate_saccade(all);
    apps::add_evaluate_koopman(all);
    apps::add_evaluate_prior_alignment(all);
    apps::add_evaluate_lock(all);
    apps::add_evaluate_budget(all);
    apps::add_evaluate_ivae_bars(all);
    apps::add_evaluate_ivae_dictionary(all);
    apps::add_evaluate_ivae_sta(all);
    apps::add_evaluate_ivae_speed(all);
    apps::add_evaluate_ivae_convergence(all);
    apps::add_evaluate_ivae_rate_distortion(all);
    apps::add_evaluate_ivae_mnist(all);
    apps::add_evaluate_patch_flow_kernels(all);
    apps::add_evaluate_patch_flow_quality(all);
    apps::add_evaluate_patch_flow_seams(all);
    apps::add_evaluate_waveform(all);
    apps::add_evaluate_waveform_prediction(all);
    apps::add_evaluate_spike_units(all);
    apps::add_evaluate_spike_decoding(all);
    apps::add_evaluate_spike_areas(all);
    apps::add_evaluate_spike_encoding(all);
    apps::add_evaluate_hierarchical_vae(all);
    apps::add_evaluate_report(all);
  }));
}
