#include "common/program.h"
#include "evaluate/reconstruction.h"

int main(int argc, char** argv) {
  neurosplat::apps::Program program(
      "neurosplat-evaluate", "Measure a model on pictures that it was not trained on.", argc, argv);
  return neurosplat::apps::run_program(program, neurosplat::apps::add_evaluate_reconstruction);
}
