#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/programs.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/splat_vae/model_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::expect_refusal;
using testing::program;
using testing::Programs;
using testing::run_command;
using testing::tiny_training;
using testing::with;

TEST_F(Programs, HelpAndVersionSucceed) {
  for (const char* name : {"neurosplat-train", "neurosplat-sample", "neurosplat-evaluate"}) {
    const auto help = run_command({program(name), "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.output.find("Subcommands"), std::string::npos);
    EXPECT_EQ(run_command({program(name), "--version"}).output.substr(0, 11), "neurosplat ");
  }
  const auto help = run_command({program("neurosplat-train"), "splat-vae", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.output.find("--beta-warmup"), std::string::npos);
}

TEST_F(Programs, BadUsageExitsWithTwo) {
  expect_refusal(run_command({program("neurosplat-train")}), 2, "subcommand");
  expect_refusal(run_command({program("neurosplat-train"), "cats"}), 2, "");
  // Underscores are for options alone.
  expect_refusal(run_command({program("neurosplat-train"), "splat_vae", "--smoke"}), 2, "");
  const auto train = [&](const std::vector<std::string>& more) {
    return run_command(with(tiny_training(folder / "run"), more));
  };
  expect_refusal(train({"--frobnicate", "3"}), 2, "--frobnicate");
  expect_refusal(train({"--image-size", "100"}), 2, "power of two");
  expect_refusal(train({"--image-size", "8"}), 2, "power of two");
  expect_refusal(train({"--num-packets", "0"}), 2, "num_packets");
  expect_refusal(train({"--num-packets", "-4"}), 2, "num_packets");
  expect_refusal(train({"--epochs", "0"}), 2, "epochs");
  expect_refusal(train({"--batch", "ten"}), 2, "batch");
  expect_refusal(train({"--mode", "sample"}), 2, "neurosplat-sample");
  std::ofstream(folder / "unknown.json") << R"({"image_sise": 16})";
  expect_refusal(train({"--config", (folder / "unknown.json").string()}), 2, "image_sise");
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST_F(Programs, WhatGoesWrongExitsWithOne) {
  const auto train = [&](const std::vector<std::string>& more) {
    return run_command(with(tiny_training(folder / "run"), more));
  };
  const std::string nowhere = (folder / "nowhere").string();
  expect_refusal(train({"--dataset", "flowers", "--data", nowhere}), 1, "nowhere");
  expect_refusal(train({"--dataset", "folder", "--data", nowhere}), 1, "nowhere");
  expect_refusal(train({"--config", nowhere}), 1, "nowhere");
  std::ofstream(folder / "broken.json") << "{\"epochs\": ";
  expect_refusal(train({"--config", (folder / "broken.json").string()}), 1, "broken.json");
  fs::create_directory(folder / "empty");
  expect_refusal(train({"--dataset", "folder", "--data", (folder / "empty").string()}), 1, "empty");
  std::ofstream(folder / "empty" / "notes.jpg") << "this is text";
  expect_refusal(train({"--dataset", "folder", "--data", (folder / "empty").string()}), 1,
                 "notes.jpg");
  EXPECT_FALSE(fs::exists(folder / "run"));
  const auto sample = [&](const std::string& model) {
    return run_command({program("neurosplat-sample"), "splat-vae", "--model", model, "--out",
                        (folder / "sample.png").string()});
  };
  expect_refusal(sample(nowhere), 1, "nowhere");
  expect_refusal(sample((folder / "broken.json").string()), 1, "broken.json");
  EXPECT_FALSE(fs::exists(folder / "sample.png"));
}

TEST_F(Programs, CudaIsNotReplacedQuietly) {
  const auto finished = run_command(with(tiny_training(folder / "run"), {"--device", "cuda"}));
  if (finished.status == 0) GTEST_SKIP() << "this machine has CUDA";
  expect_refusal(finished, 1, "CUDA");
}

TEST_F(Programs, SampleAndEvaluateATrainedRun) {
  ASSERT_EQ(run_command(tiny_training(folder / "run")).status, 0);
  const auto sampled = run_command({program("neurosplat-sample"), "splat-vae", "--model",
                                    (folder / "run").string(), "--mode", "grid", "--count", "10",
                                    "--seed", "4", "--out", (folder / "grid.png").string()});
  ASSERT_EQ(sampled.status, 0) << sampled.errors;
  const auto grid = read_picture(folder / "grid.png");  // 8 + 2 pictures of 16 pixels, borders of 2
  EXPECT_EQ(grid.size(1), 2 * 18 + 2);
  EXPECT_EQ(grid.size(2), 8 * 18 + 2);
  const auto line = run_command({program("neurosplat-sample"), "splat-vae", "--model",
                                 (folder / "run").string(), "--mode", "interpolate", "--size", "40",
                                 "--out", (folder / "line.png").string()});
  ASSERT_EQ(line.status, 0) << line.errors;
  EXPECT_EQ(read_picture(folder / "line.png").size(1), 44);
  const auto evaluated = run_command({program("neurosplat-evaluate"), "reconstruction", "--model",
                                      (folder / "run").string(), "--dataset", "smoke", "--out",
                                      (folder / "evaluation").string()});
  ASSERT_EQ(evaluated.status, 0) << evaluated.errors;
  std::ifstream in(folder / "evaluation" / "metrics.json");
  const auto metrics = nlohmann::json::parse(in);
  EXPECT_EQ(metrics["experiment"], "reconstruction");
  EXPECT_EQ(metrics["results"]["images"], 64);
  for (const char* key :
       {"psnr_mean_db", "ssim_mean", "pca_psnr_mean_db", "mean_image_psnr_mean_db"}) {
    EXPECT_TRUE(metrics["results"][key].is_number()) << key;
  }
  EXPECT_TRUE(metrics.contains("environment"));
  std::ifstream table(folder / "evaluation" / "per_image.csv");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(table), {}, '\n'), 65);
  EXPECT_TRUE(fs::exists(folder / "evaluation" / "best_median_worst.png"));
}

TEST_F(Programs, SampleReplacesNothingUnaskedAndSaysWhatItNeeds) {
  save_splat_vae(folder / "model.safetensors", SplatVae({16, 4, 3}));
  const auto sample = [&](const fs::path& out, const std::vector<std::string>& more) {
    return run_command(with({program("neurosplat-sample"), "splat-vae", "--model",
                             folder.path().string(), "--out", out.string()},
                            more));
  };
  std::ofstream(folder / "old.png") << "an hour of work";
  expect_refusal(sample(folder / "old.png", {}), 2, "--overwrite");
  expect_refusal(sample(folder / "model.safetensors", {"--overwrite"}), 2, "what --model reads");
  expect_refusal(sample(folder / "absent" / "x.png", {}), 1, "absent");
  expect_refusal(sample(folder / "new.png", {"--mode", "spiral"}), 2, "spiral");
  expect_refusal(sample(folder / "new.png", {"--size", "4096", "--count", "65536"}), 2, " GB");
  EXPECT_FALSE(fs::exists(folder / "new.png"));
  ASSERT_EQ(sample(folder / "old.png", {"--overwrite"}).status, 0);
  EXPECT_EQ(read_picture(folder / "old.png").size(1), 8 * 18 + 2);
}

/// The most memory of any program that this test has waited for, bytes.
std::int64_t peak_of_children() {
  rusage used = {};
  ::getrusage(RUSAGE_CHILDREN, &used);
  return std::int64_t{1024} * used.ru_maxrss;
}

// All pictures as floats would be 400 MB, and were held four times over.
TEST_F(Programs, SampleHoldsTheSheetAndAFewPictures) {
  save_splat_vae(folder / "model.safetensors", SplatVae({16, 4, 3}));
  const auto peak_with = [&](const std::string& count) {
    const auto run = run_command({program("neurosplat-sample"), "splat-vae", "--model",
                                  folder.path().string(), "--size", "1024", "--count", count,
                                  "--out", (folder / (count + ".png")).string()});
    EXPECT_EQ(run.status, 0) << run.errors;
    return peak_of_children();
  };
  const auto one = peak_with("1"), many = peak_with("32");
  EXPECT_LT(many - one, 400'000'000);
}

// A file as the reference's own code leaves it, from Python's file to a picture.
TEST_F(Programs, SampleDrawsWhatPythonDrawsFromTheReferencesFile) {
  const auto python = testing::python_with("torch, safetensors.torch");
  if (!python) GTEST_SKIP() << "no Python with torch and safetensors";
  const auto script = testing::source_folder() / "tests/systems/splat_vae/reference_splat_vae.py";
  const auto made =
      run_command({*python, script.string(), folder.path().string(), "32", "40", "16"});
  ASSERT_EQ(made.status, 0) << made.errors;
  const auto run = run_command({program("neurosplat-sample"), "splat-vae", "--model",
                                (folder / "model.pt").string(), "--seed", "3", "--count", "4",
                                "--columns", "2", "--out", (folder / "four.png").string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors.at("sampled");
  const auto drawn = read_picture(folder / "four.png").to(at::kFloat);
  EXPECT_LE((drawn - 255 * picture_grid(expected, 2)).abs().max().item<double>(), 0.51);
  // They differ from each other by more than that.
  EXPECT_GT((expected[0] - expected[1]).abs().max().item<double>(), 2.0 / 255);
}

// The model is not even looked for where the results could not be written.
TEST_F(Programs, EvaluateSaysAtOnceWhereItCannotWrite) {
  const auto evaluate = [&](const std::string& name, const fs::path& out,
                            const std::vector<std::string>& more) {
    return run_command(with(
        {program("neurosplat-evaluate"), name, "--dataset", "smoke", "--out", out.string()}, more));
  };
  const auto nowhere = (folder / "nowhere").string();
  std::ofstream(folder / "file") << "no folder";
  fs::create_directories(folder / "results");
  std::ofstream(folder / "results" / "metrics.json") << "figures";
  expect_refusal(evaluate("reconstruction", folder / "file" / "deep", {"--model", nowhere}), 1,
                 "file/deep");
  expect_refusal(evaluate("reconstruction", folder / "results", {"--model", nowhere}), 2,
                 "metrics.json is there already");
  expect_refusal(
      evaluate("reconstruction", folder / "results", {"--model", nowhere, "--overwrite"}), 1,
      "nowhere: no such file");
  fs::create_directories(folder / "pictures");
  write_png(folder / "pictures" / "best_median_worst.png", at::zeros({3, 20, 20}));
  expect_refusal(
      evaluate("reconstruction", folder / "pictures",
               {"--model", nowhere, "--images", (folder / "pictures").string(), "--overwrite"}),
      2, "is what --images reads");
  std::ifstream in(folder / "results" / "metrics.json");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "figures");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 3);
}

TEST_F(Programs, EvaluatesAFolderOfPicturesWithoutFloors) {
  save_splat_vae(folder / "model.safetensors", SplatVae({16, 4, 3}));
  fs::create_directory(folder / "pictures");
  for (const char* name : {"a.png", "b.png"}) {
    write_png(folder / "pictures" / name, at::linspace(0, 1, 3 * 20 * 24).view({3, 20, 24}));
  }
  const auto finished =
      run_command({program("neurosplat-evaluate"), "reconstruction", "--model",
                   (folder / "model.safetensors").string(), "--images",
                   (folder / "pictures").string(), "--out", (folder / "out").string()});
  ASSERT_EQ(finished.status, 0) << finished.errors;
  std::ifstream in(folder / "out" / "metrics.json");
  const auto metrics = nlohmann::json::parse(in);
  EXPECT_EQ(metrics["results"]["images"], 2);
  EXPECT_TRUE(metrics["results"]["pca_psnr_mean_db"].is_null());
  EXPECT_NE(finished.errors.find("no floors"), std::string::npos);
}

// Trained with one seed and measured with another: the split is the model's, metrics.json says what
// was measured, and a split that would hold training pictures is refused.
TEST_F(Programs, MeasuresAFolderOnWhatItsModelHasNotSeen) {
  fs::create_directory(folder / "pictures");
  for (int i = 0; i < 40; ++i) {
    write_png(folder / "pictures" / (std::to_string(i) + ".png"),
              at::full({3, 16, 16}, 0.02 * i) + 0.1 * at::linspace(0, 1, 16));
  }
  const auto data = (folder / "pictures").string(), run = (folder / "run").string();
  const auto trained = run_command(
      with(tiny_training(run), {"--dataset", "folder", "--data", data, "--batch", "8", "--seed",
                                "5", "--split-seed", "3", "--pictures-every", "0"}));
  ASSERT_EQ(trained.status, 0) << trained.errors;
  const auto evaluate = [&](const std::vector<std::string>& more) {
    return run_command(with({program("neurosplat-evaluate"), "reconstruction", "--model", run,
                             "--out", (folder / "out").string(), "--overwrite"},
                            more));
  };
  const auto metrics = [&] {
    std::ifstream in(folder / "out" / "metrics.json");
    return nlohmann::json::parse(in);
  };
  const auto measured = evaluate({"--data", data});
  ASSERT_EQ(measured.status, 0) << measured.errors;
  const auto settings = metrics()["settings"], results = metrics()["results"];
  EXPECT_EQ(settings["dataset"], "folder");
  EXPECT_EQ(settings["folder"], "pictures");
  EXPECT_EQ(settings["splits"], nlohmann::json({"test"}));
  EXPECT_EQ(settings["split_seed"], 3);
  EXPECT_EQ(settings["list_images"], 4);
  EXPECT_EQ(settings["held_out"], "yes");
  EXPECT_EQ(settings["floor_splits"], nlohmann::json({"train", "val"}));
  EXPECT_EQ(settings["floor_list_images"], 36);
  EXPECT_EQ(settings["model_split_seed"], "3");
  EXPECT_EQ(settings["model_epoch"], "1");
  EXPECT_EQ(settings["model_list_hash"], settings["floor_list_hash"]);
  EXPECT_NE(settings["list_hash"], settings["floor_list_hash"]);
  EXPECT_EQ(settings["largest_psnr_db"], 100.0);
  EXPECT_EQ(results["images"], 4);
  EXPECT_EQ(results["trained_on_images"], 0);
  EXPECT_EQ(results["floor_images_measured"], 0);
  expect_refusal(evaluate({"--data", data, "--split-seed", "0"}), 2, "leave --split-seed away");

  // Under another name of a data set the same files are still known.
  const auto as_celeba = folder / "celeba";
  fs::create_directories(as_celeba);
  fs::create_directory_symlink(folder / "pictures", as_celeba / "img_align_celeba");
  std::ofstream list(as_celeba / "list_eval_partition.txt");
  for (int i = 0; i < 40; ++i) list << i << ".png 2\n";
  list.close();
  expect_refusal(evaluate({"--dataset", "celeba", "--data", as_celeba.string()}), 1,
                 "trained on 36 of the 40");

  const auto same = evaluate({"--images", data, "--floor-images", data + "/."});
  ASSERT_EQ(same.status, 0) << same.errors;
  EXPECT_NE(same.errors.find("fitted to 40 of the 40"), std::string::npos) << same.errors;
  EXPECT_NE(same.errors.find("trained on 36 of the 40"), std::string::npos) << same.errors;
  EXPECT_EQ(metrics()["results"]["floor_images_measured"], 40);
  EXPECT_EQ(metrics()["results"]["trained_on_images"], 36);
  EXPECT_EQ(metrics()["settings"]["held_out"], "no");
}

}  // namespace
}  // namespace neurosplat
