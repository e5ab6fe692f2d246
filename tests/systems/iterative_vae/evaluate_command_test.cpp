// neurosplat-evaluate ivae-convergence, ivae-rate-distortion and ivae-mnist as a user meets them,
// and their numbers against the library's on the same patches.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "apps/experiments.h"
#include "apps/programs.h"
#include "neurosplat/data/patch_set.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/iterative_vae/inference_curves.h"
#include "neurosplat/systems/iterative_vae/inference_scores.h"
#include "neurosplat/systems/iterative_vae/linear_readout.h"
#include "neurosplat/systems/iterative_vae/model_file.h"
#include "systems/iterative_vae/tiny_model.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::tiny_model;
using Arguments = std::vector<std::string>;
using Description = std::map<std::string, std::string>;

PatchSet synthetic_patches() {
  PatchRequest request;
  request.dataset = "synthetic";
  request.side = 4;
  request.patches = 200;
  request.seed = 3;
  return open_patches(request);
}

std::string lines_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

class IvaeCommands : public testing::Experiments {
 protected:
  /// A model as training leaves one on synthetic patches of 4 pixels; `more` overrides.
  IterativeVae save(const std::string& name, const std::string& latents,
                    const std::string& activation, Description more = {},
                    std::int64_t pixels = 16) const {
    auto model =
        tiny_model(latents, activation, pixels, 12, name.size(), pixels > 100 ? 0.05 : 0.3);
    more.insert({{"dataset", "synthetic"},
                 {"patches", "200"},
                 {"split_seed", "3"},
                 {"patch_hash", set_.hash},
                 {"t_train", "16"},
                 {"beta", "24"}});
    save_iterative_vae(path(name), model, more);
    return model;
  }

  fs::path path(const std::string& name) const { return folder_ / (name + ".safetensors"); }

  Arguments models(const std::vector<std::string>& names, const Arguments& more) const {
    Arguments all = {"--device", "cpu"};
    for (const auto& name : names) {
      all.insert(all.end(), {"--model", path(name).string()});
    }
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  const PatchSet set_ = synthetic_patches();
};

TEST_F(IvaeCommands, ConvergenceGivesTheCurvesOfEveryModel) {
  const auto poisson = save("p", "poisson", "identity");
  const auto relu = save("relu", "gaussian", "relu");
  const auto run = evaluate(
      "ivae-convergence",
      models({"p", "relu"}, {"--steps", "30", "--count", "0", "--block", "16", "--seed", "2"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(run.errors.find("were trained on"), std::string::npos) << run.errors;
  const auto metrics = metrics_of("ivae-convergence");
  const auto& results = metrics["results"];
  EXPECT_EQ(results["patches"], set_.validation.size(0));
  ASSERT_EQ(results["rows"].size(), 60U);
  const MeasuredRun same{.steps = 30, .block = 16, .seed = 2};
  std::size_t row = 0;
  for (const auto& [label, model] : {std::pair{"iP", poisson}, std::pair{"iG-relu", relu}}) {
    const auto curves = inference_curves(model, set_.validation, same);
    for (std::size_t step = 0; step < 30; ++step, ++row) {
      const auto& json = results["rows"][row];
      EXPECT_EQ(json["model"], label);
      EXPECT_EQ(json["step"], step + 1);
      EXPECT_NEAR(json["r2"].get<double>(), curves.r2[step], 1e-9);
      EXPECT_NEAR(json["zeros"].get<double>(), curves.zeros[step], 1e-9);
      EXPECT_NEAR(json["du_norm"].get<double>(), curves.du_norm[step], 1e-9);
    }
    const std::string key = label == std::string("iP") ? "ip" : "ig_relu";
    EXPECT_NEAR(results[key + "_r2_t16"].get<double>(), curves.r2[15], 1e-9);
    EXPECT_NEAR(results[key + "_zeros_t30"].get<double>(), curves.zeros[29], 1e-9);
    const auto converged = convergence_step(curves.r2, {.tolerance = 1e-4});
    EXPECT_EQ(results[key + "_converged_step_1e4"].is_null(), !converged.has_value());
  }
  EXPECT_EQ(metrics["reference"]["ip_r2_t16"], 0.7076);
  EXPECT_NE(metrics["reference"]["ip_r2_t16_reason"].get<std::string>().find("other pictures"),
            std::string::npos);
  EXPECT_EQ(metrics["reference"]["ig_relu_converged_step_1e5"], 79);
  EXPECT_FALSE(metrics["reference"].contains("ip_r2_t1000"));  // of no run of 30 steps
  EXPECT_FALSE(results.contains("r2_t16"));                    // of which of two models?
  const auto csv = lines_of(folder_ / "ivae-convergence" / "curves.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 61);
  EXPECT_GT(read_picture(folder_ / "ivae-convergence" / "ivae_convergence.png").size(2), 500);
}

TEST_F(IvaeCommands, ConvergenceOfOneModelHasItsNumbersUnderShortKeysToo) {
  save("p", "poisson", "identity");
  const auto run = evaluate("ivae-convergence", models({"p"}, {"--steps", "17", "--count", "12"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto results = metrics_of("ivae-convergence")["results"];
  EXPECT_EQ(results["patches"], 12);
  EXPECT_EQ(results["r2_t17"], results["ip_r2_t17"]);
  EXPECT_EQ(results["r2_t16"], results["rows"][15]["r2"]);
}

TEST_F(IvaeCommands, RateDistortionSetsModelsBesideLca) {
  const auto poisson = save("p", "poisson", "identity");
  save("gauss", "gaussian", "identity", {{"beta", "8"}});
  fs::create_directories(folder_ / "fixtures");
  std::ofstream(folder_ / "fixtures" / "S2_ratedist.csv")
      << "str_model,seq_len,kl_beta,amort,%-zeros,r2,r2_map\npoisson,16,24.0,False,.775,.8269,."
         "9168\n"
      << "poisson,8,24.0,False,.1,.2,.3\nlca,-1,1.0,False,.897,.638,.638\n";
  const auto run =
      evaluate("ivae-rate-distortion",
               models({"p", "gauss"},
                      {"--steps", "25", "--count", "0", "--block", "16", "--seed", "2",
                       "--lca-lambdas", "0.1,1", "--lca-epochs", "2", "--lca-patches", "60",
                       "--lca-columns", "24", "--fixtures", (folder_ / "fixtures").string()}));
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto metrics = metrics_of("ivae-rate-distortion");
  const auto& rows = metrics["results"]["rows"];
  ASSERT_EQ(rows.size(), 4U);
  const auto end = inference_end(poisson, set_.validation, {.steps = 25, .block = 16, .seed = 2});
  EXPECT_EQ(rows[0]["model"], "iP");
  EXPECT_EQ(rows[0]["steps"], 25);
  EXPECT_EQ(rows[0]["t_train"], 16);
  EXPECT_EQ(rows[0]["beta"], 24);
  EXPECT_NEAR(rows[0]["r2"].get<double>(), end.r2, 1e-9);
  EXPECT_NEAR(rows[0]["mean_r2"].get<double>(), end.mean_r2, 1e-9);
  EXPECT_NEAR(rows[0]["zeros"].get<double>(), end.zeros, 1e-9);
  EXPECT_NEAR(rows[0]["distance"].get<double>(), distance_to_ideal(end.r2, end.zeros), 1e-9);
  EXPECT_EQ(rows[1]["model"], "iG");
  EXPECT_EQ(rows[1]["beta"], 8);
  EXPECT_EQ(rows[1]["zeros"], 0.0);
  for (const std::size_t i : {2, 3}) {
    EXPECT_EQ(rows[i]["model"], "LCA");
    EXPECT_TRUE(rows[i]["t_train"].is_null());
  }
  EXPECT_EQ(rows[2]["beta"], 0.1);
  // A higher threshold keeps less active and explains less.
  EXPECT_LT(rows[2]["zeros"], rows[3]["zeros"]);
  EXPECT_GT(rows[2]["r2"], rows[3]["r2"]);
  EXPECT_GT(rows[2]["r2"], 0.5);
  const auto& reference = metrics["reference"];
  ASSERT_EQ(reference["rows"].size(), 2U);  // the model at its beta and training, LCA at its lambda
  EXPECT_EQ(reference["rows"][0]["r2"], 0.8269);
  EXPECT_EQ(reference["rows"][1]["zeros"], 0.897);
  EXPECT_EQ(reference["ip_best_distance"], 0.284);
  EXPECT_TRUE(fs::exists(folder_ / "ivae-rate-distortion" / "ivae_rate_distortion.png"));
  const auto without =
      evaluate("ivae-rate-distortion", models({"p"}, {"--steps", "3", "--no-lca", "--overwrite"}));
  ASSERT_EQ(without.status, 0) << without.errors;
  EXPECT_EQ(metrics_of("ivae-rate-distortion")["results"]["rows"].size(), 1U);
}

/// Digits of noise with a bright row that tells the class, in MNIST's files; the first is blank.
void write_digits(const fs::path& folder, std::int64_t count) {
  fs::create_directories(folder);
  const auto labels = at::arange(count).remainder(10);
  auto pixels =
      (testing::random_patches(count, 784, 7).abs() * 40).clamp_max(120).view({-1, 28, 28});
  for (std::int64_t i = 0; i < count; ++i) {
    pixels[i].slice(0, 2 * labels[i].item<std::int64_t>(),
                    2 * labels[i].item<std::int64_t>() + 3) += 120;
  }
  pixels[count - 1].zero_();
  const auto write = [&](const char* name, const at::Tensor& numbers) {
    const auto bytes = numbers.to(at::kByte).contiguous();
    std::ofstream out(folder / name, std::ios::binary);
    out << '\0' << '\0' << '\x08' << static_cast<char>(bytes.dim());
    for (const auto size : bytes.sizes()) {
      for (const int shift : {24, 16, 8, 0}) out << static_cast<char>(size >> shift & 255);
    }
    out.write(static_cast<const char*>(bytes.const_data_ptr()), bytes.numel());
  };
  write("t10k-images-idx3-ubyte", pixels);
  write("t10k-labels-idx1-ubyte", labels);
}

TEST_F(IvaeCommands, MnistReadsDigitsFromRates) {
  write_digits(folder_ / "digits", 200);
  PatchRequest request;
  request.dataset = "mnist";
  request.root = folder_ / "digits";
  request.side = 28;
  const auto digits = open_patches(request);
  const Description description = {
      {"dataset", "mnist"}, {"patches", "128955"}, {"patch_hash", digits.hash}};
  std::vector<IterativeVae> trained;
  for (const char* name : {"a", "bb"}) {
    trained.push_back(save(name, "poisson", "identity", description, 784));
  }
  const auto run = evaluate(
      "ivae-mnist", models({"a", "bb"}, {"--data", (folder_ / "digits").string(), "--steps", "12",
                                         "--block", "64", "--seed", "5"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.errors.find("1 constant patches are left out"), std::string::npos) << run.errors;
  const auto metrics = metrics_of("ivae-mnist");
  const auto& results = metrics["results"];
  ASSERT_EQ(results["rows"].size(), 2U);
  EXPECT_EQ(results["digits"], 39);
  EXPECT_EQ(results["constant_digits"], 1);
  EXPECT_EQ(results["readout_digits"], 160);
  const auto validation = digits.validation.slice(0, 0, 39);
  std::vector<double> accuracies;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto tested =
        inference_end(trained[i], validation, {.steps = 12, .block = 64, .seed = 5});
    const auto fitted_to =
        inference_end(trained[i], digits.train, {.steps = 12, .block = 64, .seed = 6});
    const auto readout = fit_linear_readout(fitted_to.rates, digits.train_labels, 10);
    accuracies.push_back(accuracy(readout, tested.rates, digits.validation_labels.slice(0, 0, 39)));
    const auto& row = results["rows"][i];
    EXPECT_EQ(row["model"], "iP");
    EXPECT_NEAR(row["r2"].get<double>(), tested.r2, 1e-9);
    EXPECT_NEAR(row["zeros"].get<double>(), tested.zeros, 1e-9);
    EXPECT_NEAR(row["accuracy"].get<double>(), accuracies.back(), 1e-9);
    const auto errors = (tested.reconstructions - validation).to(at::kDouble).square();
    EXPECT_NEAR(row["mse_per_pixel"].get<double>(), errors.mean().item<double>(), 1e-6);
  }
  EXPECT_GT(accuracies[0], 0.2);  // of ten classes, so that labels lie beside their digits
  EXPECT_EQ(results["ip_models"], 2);
  EXPECT_NEAR(results["ip_accuracy"].get<double>(), (accuracies[0] + accuracies[1]) / 2, 1e-9);
  EXPECT_NEAR(results["ip_accuracy_deviation"].get<double>(),
              std::abs(accuracies[0] - accuracies[1]) / std::sqrt(2.0), 1e-9);
  EXPECT_EQ(metrics["reference"]["ip_accuracy"], 0.9646);
  EXPECT_NE(metrics["reference"]["ip_r2_reason"].get<std::string>().find("60,000"),
            std::string::npos);
  // 3 rows of 12 digits, twice as large.
  const auto sheet = read_picture(folder_ / "ivae-mnist" / "ivae_mnist.png");
  EXPECT_GE(sheet.size(1), 3 * 56);
  EXPECT_GE(sheet.size(2), 12 * 56);
}

TEST_F(IvaeCommands, SayWhatWentWrong) {
  save("p", "poisson", "identity");
  save("stranger", "poisson", "identity", {{"patch_hash", "0123456789abcdef"}});
  save("large", "poisson", "identity", {}, 25);
  save("oblong", "poisson", "identity", {}, 20);
  save("garbled", "poisson", "identity", {{"patches", "many"}});
  write_safetensors(path("other"), {{{"weight", at::ones({2})}}, {{"model", "splat-vae"}}});
  const auto refused = [&](const std::string& name, const Arguments& arguments, int status,
                           const std::string& part) {
    SCOPED_TRACE(part);
    testing::expect_refusal(evaluate(name, arguments), status, part);
    EXPECT_FALSE(fs::exists(folder_ / name));
  };
  const std::string all[] = {"ivae-convergence", "ivae-rate-distortion", "ivae-mnist"};
  for (const auto& name : all) {
    refused(name, {}, 2, "--model");
    refused(name, models({"p"}, {"--steps", "0"}), 2, "steps: expected 1 to");
  }
  // What all of them read alike.
  refused(all[0], models({"p"}, {"--count", "-1"}), 2, "at least 0");
  refused(all[0], models({"none"}, {}), 1, "no such file");
  refused(all[0], models({"other"}, {}), 1, "it holds one of splat-vae");
  refused(all[0], models({"stranger"}, {}), 1, "--allow-other-patches");
  refused(all[0], models({"p", "large"}, {}), 1, "one of 25");
  refused(all[0], models({"oblong"}, {}), 1, "square patches");
  refused(all[0], models({"garbled"}, {}), 1, "expected a number as patches");
  refused(all[0], models({"p"}, {"--dataset", "flowers"}), 2, "flowers");
  refused(all[0], models({"p"}, {"--dataset", "natural", "--data", (folder_ / "x").string()}), 1,
          "");
  refused(all[0], models({"p"}, {"--split-seed", "4"}), 1, "--allow-other-patches");
  write_digits(folder_ / "digits", 50);
  refused(all[0], models({"p"}, {"--dataset", "mnist", "--data", (folder_ / "digits").string()}), 2,
          "28");
  refused(all[1], models({"p"}, {"--lca-lambdas", "0"}), 2, "lca-lambdas");
  refused(all[1], models({"p"}, {"--lca-epochs", "0"}), 2, "lca-epochs");
  refused(all[2], models({"p"}, {}), 2, "labels");
  refused(all[2], models({"p"}, {"--readout-digits", "0"}), 2, "readout-digits");
  const auto allowed = evaluate(
      all[0], models({"stranger"}, {"--allow-other-patches", "--steps", "2", "--count", "5"}));
  EXPECT_EQ(allowed.status, 0) << allowed.errors;
  EXPECT_NE(allowed.errors.find("was trained beside other patches"), std::string::npos);
  const auto again = evaluate(all[0], models({"p"}, {"--steps", "2"}));
  EXPECT_EQ(again.status, 2);
  EXPECT_NE(again.errors.find("is there already"), std::string::npos) << again.errors;
}

TEST_F(IvaeCommands, ControlCLeavesNothing) {
  save("p", "poisson", "identity");
  Arguments arguments = {testing::program("neurosplat-evaluate"), "ivae-convergence", "--out",
                         (folder_ / "out").string()};
  const auto more = models({"p"}, {"--steps", "1000000"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  const int process = testing::start_command(arguments);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  kill(process, SIGINT);
  EXPECT_EQ(testing::wait_for_command(process), 128 + SIGINT);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

}  // namespace
}  // namespace neurosplat
