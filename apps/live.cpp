#include <memory>
#include <vector>

#include "neurosplat/core/leave.h"
#include "neurosplat/page/served_part.h"
#include "neurosplat/program/program.h"
#include "neurosplat/systems/cortex/commands.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/lock/commands.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "neurosplat/systems/splat_vae/commands.h"
#include "neurosplat/systems/waveform/commands.h"

int main(int argc, char** argv) {
  namespace apps = neurosplat::apps;
  apps::Program program("neurosplat-live", "Perceive a camera or a video, frame by frame.", argc,
                        argv);
  neurosplat::leave(apps::run_program(program, [](apps::Program& all) {
    // In the order of their keys, from 1.
    const std::vector<apps::ModelMode> modes = {
        apps::lock_mode(),
        apps::agreement_mode(),
        apps::saccade_mode(),
        apps::temporal_mode(),
    };
    apps::add_live_lock(all, modes);
    apps::add_live_agreement(all, modes);
    apps::add_live_saccade(all, modes);
    apps::add_live_temporal(all, modes);
    apps::add_live_infer(all);
    apps::add_live_replay(all);
    const auto models = std::make_shared<apps::OfferedModels<neurosplat::SplatVae>>();
    // In the order of the page's keys, from 1.
    apps::add_live_serve(
        all, {apps::splat_models_part(models), apps::lock_part(models), apps::cortex_part(models),
              apps::spikes_part(), apps::waveform_part()});
  }));
}
