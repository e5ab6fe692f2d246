#include "neurosplat/core/leave.h"
#include "neurosplat/program/program.h"
#include "neurosplat/systems/hierarchical_vae/commands.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/patch_flow/commands.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "neurosplat/systems/splat_vae/commands.h"

int main(int argc, char** argv) {
  namespace apps = neurosplat::apps;
  apps::Program program("neurosplat-sample", "Draw pictures from a model's prior, or from spikes.",
                        argc, argv);
  neurosplat::leave(apps::run_program(program, [](apps::Program& all) {
    apps::add_sample_splat_vae(all);
    apps::add_sample_iterative_vae(all);
    apps::add_sample_patch_flow(all);
    apps::add_sample_spike_decoder(all);
    apps::add_sample_spike_session(all);
    apps::add_sample_hierarchical_vae(all);
  }));
}
