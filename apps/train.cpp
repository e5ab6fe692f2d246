#include "neurosplat/core/leave.h"
#include "neurosplat/program/program.h"
#include "neurosplat/systems/hierarchical_vae/commands.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/patch_flow/commands.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "neurosplat/systems/splat_predictor/commands.h"
#include "neurosplat/systems/splat_vae/commands.h"
#include "neurosplat/systems/waveform/commands.h"

int main(int argc, char** argv) {
  namespace apps = neurosplat::apps;
  apps::Program program("neurosplat-train", "Train a model from the shell.", argc, argv);
  neurosplat::leave(apps::run_program(program, [](apps::Program& all) {
    apps::add_train_splat_vae(all);
    apps::add_train_splat_predictor(all);
    apps::add_train_iterative_vae(all);
    apps::add_train_patch_flow(all);
    apps::add_train_latent_flow(all);
    apps::add_train_waveform(all);
    apps::add_train_spike_decoder(all);
    apps::add_train_hierarchical_vae(all);
  }));
}
