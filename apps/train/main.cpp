#include "common/program.h"
#include "train/splat_vae.h"

int main(int argc, char** argv) {
  neurosplat::apps::Program program("neurosplat-train", "Train a model from the shell.", argc,
                                    argv);
  return neurosplat::apps::run_program(program, neurosplat::apps::add_train_splat_vae);
}
