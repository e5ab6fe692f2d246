#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/evaluation/feature_spaces.h"
#include "neurosplat/evaluation/generator_scores.h"
#include "neurosplat/evaluation/rotation_classifier.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/metrics/cat_faces.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/patch_flow/commands.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "systems/patch_flow/command_pictures.h"
#include "systems/patch_flow/sampling.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

const std::string kFigure = "quality", kNeighbours = "neighbours.png";

struct Options {
  ExperimentOptions common;
  fs::path model, twin, samples;
  PictureOptions pictures;
  std::int64_t count = 256, steps = 64, seed = 0, classifier_steps = 300;
  std::string solver = "euler";
};

void check(const Options& options) {
  if (options.count < fewest_samples(3) || options.count > 65536) {
    throw UsageError(
        text("count: expected ", fewest_samples(3), " to 65536 pictures, got ", options.count));
  }
  if (options.seed < 0) throw UsageError("seed: expected at least 0");
  if (options.classifier_steps < 0 || options.classifier_steps > 100000) {
    throw UsageError(
        text("classifier-steps: expected 0 to 100000, got ", options.classifier_steps));
  }
  if (options.solver != "euler" && options.solver != "heun") {
    throw UsageError(text("solver: expected euler or heun, got '", options.solver, "'"));
  }
  check(FlowSteps{.steps = options.steps});
  Outputs outputs(options.common.overwrite);
  outputs.reads("model", options.model, kPatchFlowFileNames);
  outputs.reads("twin", options.twin, kPatchFlowFileNames);
  outputs.reads("samples", options.samples);
  outputs.reads("data", options.pictures.data);
  outputs.writes("out", options.common.out, {"metrics.json", kFigure + ".png", kNeighbours});
  outputs.check();
}

SampleSet samples_of(const std::string& name, const PatchFlow& model, const Options& options) {
  ProgressLine progress("sampling " + name, "steps",
                        sampling_batches(options.count) * options.steps);
  std::int64_t done = 0;
  auto drawn = sample_pictures(model, options.count, static_cast<std::uint64_t>(options.seed),
                               {.steps = options.steps, .heun = options.solver == "heun"},
                               [&] { progress.update(++done); });
  return {name, [drawn = std::move(drawn)](std::int64_t first, std::int64_t count) {
            return drawn.narrow(0, first, count);
          }};
}

/// Pictures of a folder, from another generator.
SampleSet samples_in(const Options& options, std::int64_t side) {
  PictureOptions folder = options.pictures;
  folder.dataset = "folder";
  folder.data = options.samples;
  auto pictures = read_pictures(folder, {"train", "test"}, options.count, side, 0);
  return {"folder", [pictures = std::move(pictures)](std::int64_t first, std::int64_t count) {
            return to_unit_range(pictures.narrow(0, first, count), at::kCPU);
          }};
}

/// A line for what is left out and why.
template <class Make>
void add_if_there(std::vector<FeatureSpace>& spaces, Make make) {
  try {
    spaces.push_back(make());
  } catch (const Error& error) {
    log::info(text("one space less: ", error.what()));
  }
}

struct Spaces {
  std::vector<FeatureSpace> all;
  double rotation_accuracy = 0;  ///< of held-out pictures
};

Spaces spaces_of(const Options& options, const at::Tensor& training, const at::Tensor& held_out) {
  Spaces spaces;
  add_if_there(spaces.all, [] { return lite0_space(at::kCPU); });
  if (options.classifier_steps > 0) {
    log::info("training a classifier of rotations");
    const auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(options.seed));
    auto classifier =
        train_rotation_classifier(training, {.steps = options.classifier_steps}, generator);
    spaces.rotation_accuracy = classifier.accuracy(to_unit_range(held_out, at::kCPU));
    spaces.all.push_back(rotation_space(std::move(classifier)));
  }
  spaces.all.push_back(random_space(static_cast<std::uint64_t>(options.seed), at::kCPU));
  return spaces;
}

std::function<at::Tensor(const at::Tensor&)> face_finder() {
  try {
    auto detector = std::make_shared<CatFaceDetector>(cat_cascade_folder());
    return [detector](const at::Tensor& pictures) { return (*detector)(pictures); };
  } catch (const Error& error) {
    log::info(text("no face rates: ", error.what()));
    return {};
  }
}

/// Throws Error for a model that was trained on the pictures that it is to be measured beside.
std::vector<std::string> trained_splits(const std::map<std::string, std::string>& metadata) {
  const auto said = metadata.find("splits");
  if (said == metadata.end()) return {"train"};
  auto splits = words_of(said->second);
  if (std::find(splits.begin(), splits.end(), "test") != splits.end()) {
    throw Error(text("model: expected one that was not trained on test, got one of ", said->second,
                     ": there are no held-out pictures to compare with"));
  }
  return splits;
}

int evaluate(Options options) {
  if (options.model.empty()) options.model = shipped_file("patch-flow-cats.safetensors");
  check(options);
  const auto stored = load_patch_flow(options.model);
  settle(options.pictures, stored.metadata);
  use_threads(options.common.threads);
  const auto& sizes = stored.model.architecture();
  const auto seed = static_cast<std::uint64_t>(options.seed);
  const auto training =
      read_pictures(options.pictures, trained_splits(stored.metadata), 0, sizes.image_size, seed);
  const auto held_out =
      read_pictures(options.pictures, {"test"}, options.count, sizes.image_size, seed);
  auto spaces = spaces_of(options, training, held_out);

  GeneratorRequest request{.training = training, .held_out = held_out, .sets = {}, .spaces = {}};
  request.spaces = std::move(spaces.all);
  request.has_face = face_finder();
  request.tile = sizes.patch;
  request.count = options.count;
  request.seed = seed;
  request.sets.push_back(samples_of("patch_flow", stored.model, options));
  if (!options.twin.empty()) {
    request.sets.push_back(samples_of("twin", load_patch_flow(options.twin).model, options));
  }
  if (!options.samples.empty()) request.sets.push_back(samples_in(options, sizes.image_size));
  const auto scores = score_generators(request);

  MetricsFile file{.experiment = "patch-flow-quality"};
  file.settings = {{"model", stored.file.filename().string()},
                   {"head", sizes.head},
                   {"dataset", options.pictures.dataset},
                   {"split_seed", options.pictures.split_seed},
                   {"images", options.count},
                   {"steps", options.steps},
                   {"solver", options.solver},
                   {"seed", options.seed},
                   {"classifier_steps", options.classifier_steps}};
  file.results = results_of(scores);
  if (options.classifier_steps > 0) file.results["rotation_accuracy"] = spaces.rotation_accuracy;
  std::fputs(table_of(scores).c_str(), stdout);
  write_experiment(options.common, file, kFigure, scores.sheet);
  write_png(fs::path(options.common.out) / kNeighbours, scores.neighbour_sheet);
  return 0;
}

}  // namespace

void add_evaluate_patch_flow_quality(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(
      "patch-flow-quality",
      "Samples beside held-out pictures and a Gaussian of principal components: Fréchet distances "
      "in three feature spaces, precision, recall, cats' faces, seams, nearest training pictures.",
      [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "patch-flow-quality");
  command.add_option(
      "--model", options->model,
      "run folder or .safetensors file; default: the shipped patch-flow-cats, where there is one");
  command.add_option("--twin", options->twin, "a second model, for a row of its own");
  command.add_option("--samples", options->samples,
                     "folder with pictures of another generator, for a row of its own");
  add_picture_options(command, options->pictures);
  command.add_option("--count", options->count, "pictures a row")->capture_default_str();
  command.add_option("--steps", options->steps, "of sampling")->capture_default_str();
  command.add_option("--solver", options->solver, "euler or heun")->capture_default_str();
  command
      .add_option("--classifier-steps", options->classifier_steps,
                  "steps to train the classifier of rotations whose features are the second space; "
                  "0: none")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of noise, classifier and choice of pictures")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
