#include "common/program.h"
#include "live/lock.h"

int main(int argc, char** argv) {
  neurosplat::apps::Program program("neurosplat-live",
                                    "Perceive a camera or a video, frame by frame.", argc, argv);
  return neurosplat::apps::run_program(program, neurosplat::apps::add_live_lock);
}
