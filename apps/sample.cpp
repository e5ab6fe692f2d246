#include "neurosplat/program/program.h"
#include "neurosplat/systems/splat_vae/commands.h"

int main(int argc, char** argv) {
  neurosplat::apps::Program program("neurosplat-sample", "Draw pictures from a model's prior.",
                                    argc, argv);
  return neurosplat::apps::run_program(program, neurosplat::apps::add_sample_splat_vae);
}
