#include "neurosplat/program/program.h"
#include "neurosplat/systems/cortex/commands.h"
#include "neurosplat/systems/lock/commands.h"

int main(int argc, char** argv) {
  namespace apps = neurosplat::apps;
  apps::Program program("neurosplat-live", "Perceive a camera or a video, frame by frame.", argc,
                        argv);
  return apps::run_program(program, [](apps::Program& all) {
    apps::add_live_lock(all);
    apps::add_live_agreement(all);
    apps::add_live_saccade(all);
    apps::add_live_temporal(all);
  });
}
