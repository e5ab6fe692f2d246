#include "neurosplat/training/trainer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/event_file.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/training/checkpoint.h"
#include "neurosplat/training/run_log.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

constexpr std::int64_t kBatches = 4;
constexpr double kRate = 0.25;

/// Batch b of epoch e is the number 10 e + b.
class Numbers : public Batches {
 public:
  std::int64_t count() const override { return kBatches; }
  std::int64_t size() const override { return 2; }
  std::string unit() const override { return "numbers"; }
  std::string hash() const override { return "0123456789abcdef"; }
  void start_epoch(std::int64_t epoch, std::int64_t first) override {
    epoch_ = epoch;
    next_ = first;
  }
  std::optional<Batch> next() override {
    if (next_ == kBatches) return std::nullopt;
    return Batch{at::full({1}, static_cast<double>(10 * epoch_ + next_++), at::kDouble)};
  }

 private:
  std::int64_t epoch_ = 0, next_ = 0;
};

/// Follows the numbers: w += rate (x - w), whose course is known in closed form.
class Follower : public Learner {
 public:
  explicit Follower(std::string kind = "follower") : kind_(std::move(kind)) {}

  std::string kind() const override { return kind_; }
  Batches& batches() override { return numbers_; }
  Figures start_epoch(std::int64_t epoch) override {
    started.push_back(epoch);
    return {{"gain", 0.5 * static_cast<double>(epoch + 1)}};
  }
  Figures step(const Batch& batch, StageClock& clock) override {
    const double x = batch[0].item<double>();
    if (x == broken_at) throw Error("the loss is not finite");
    const double distance = x - weight;
    weight += kRate * distance;
    clock.mark("follow");
    return {{"square", distance * distance}, {"distance", std::abs(distance)}};
  }
  std::string line_of(const Figures& terms) const override { return listed(terms); }
  EpochReport finish_epoch(std::int64_t epoch, const Figures& means, bool last) override {
    finished.emplace_back(epoch, last);
    return {{{"mean_distance", figure(means, "distance")}, {"pictures", 3}}, line_of(means)};
  }
  Curves curves() const override { return {"distance", {{"mean_distance", "to the numbers"}}}; }
  void draw(const fs::path& run, std::int64_t epoch) const override {
    write_file_atomically(sheet_path(run, "weight", epoch), std::to_string(weight));
  }
  void save(TensorFile& state) const override {
    state.tensors["weight"] = at::full({1}, weight, at::kDouble);
  }
  void load(const TensorFile& state) override {
    weight = state.tensors.at("weight").item<double>();
  }
  void write_models(const fs::path& run,
                    const std::map<std::string, std::string>& where) const override {
    write_safetensors(run / "model.safetensors",
                      {{{"weight", at::full({1}, weight, at::kDouble)}}, where});
  }

  double weight = 0, broken_at = -1;
  std::vector<std::int64_t> started;
  std::vector<std::pair<std::int64_t, bool>> finished;

 private:
  std::string kind_;
  Numbers numbers_;
};

RunOptions options_for(const fs::path& out, std::int64_t epochs) {
  RunOptions options;
  options.out = out;
  options.epochs = epochs;
  return options;
}

const nlohmann::ordered_json kConfig = {{"batch", 2}, {"seed", 0}};

Trainer::Outcome train(Follower& follower, const RunOptions& options, bool resume = false) {
  Trainer trainer(options, kConfig, follower);
  if (resume) trainer.resume();
  return trainer.run();
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Trainer, LogsTheMeansOfTheTermsAndTheSchedules) {
  const TemporaryFolder folder;
  Follower follower;
  EXPECT_EQ(train(follower, options_for(folder / "run", 2)), Trainer::Outcome::finished);
  double weight = 0, squares = 0, distances = 0;
  for (int b = 0; b < kBatches; ++b) {
    squares += (b - weight) * (b - weight) / kBatches;
    distances += std::abs(b - weight) / kBatches;
    weight += kRate * (b - weight);
  }
  std::ifstream table(folder / "run" / "loss.csv");
  std::string header, row;
  std::getline(table, header);
  std::getline(table, row);
  EXPECT_EQ(header, "epoch,square,distance,gain");
  double epoch = 0, square = 0, distance = 0, gain = 0;
  ASSERT_EQ(std::sscanf(row.c_str(), "%lf,%lf,%lf,%lf", &epoch, &square, &distance, &gain), 4);
  EXPECT_EQ(epoch, 1);
  EXPECT_NEAR(square, squares, 1e-8 * squares);
  EXPECT_NEAR(distance, distances, 1e-8 * distances);
  EXPECT_EQ(gain, 0.5);
  std::ifstream lines(folder / "run" / "metrics.jsonl");
  std::string line;
  std::getline(lines, line);
  const auto metrics = nlohmann::json::parse(line);
  EXPECT_EQ(metrics["epoch"], 1);
  EXPECT_EQ(metrics["step"], kBatches);
  EXPECT_EQ(metrics["pictures"].dump(), "3");
  EXPECT_NEAR(metrics["mean_distance"].get<double>(), distances, 1e-12);
  for (const char* key : {"seconds", "numbers_per_second", "seconds_data", "seconds_follow"}) {
    EXPECT_TRUE(metrics[key].is_number()) << key;
  }
  EXPECT_EQ(follower.started, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(follower.finished, (std::vector<std::pair<std::int64_t, bool>>{{0, false}, {1, true}}));
  EXPECT_TRUE(fs::exists(folder / "run" / "weight_002.png"));
  EXPECT_TRUE(fs::exists(folder / "run" / "curves.png"));
  const auto model = read_safetensors(folder / "run" / "model.safetensors");
  EXPECT_EQ(model.metadata.at("epoch"), "2");
  EXPECT_EQ(model.metadata.at("step"), "8");
}

TEST(Trainer, GoesOnExactlyWhereverItStopped) {
  const TemporaryFolder folder;
  Follower whole;
  train(whole, options_for(folder / "whole", 3));
  for (std::int64_t stop = 1; stop < 3 * kBatches; ++stop) {
    const auto run = folder / std::to_string(stop);
    auto options = options_for(run, 3);
    options.max_steps = stop;
    Follower part, rest;
    train(part, options);
    options.max_steps = 0;
    train(rest, options, /*resume=*/true);
    EXPECT_EQ(rest.weight, whole.weight) << stop;
    EXPECT_EQ(bytes_of(run / "loss.csv"), bytes_of(folder / "whole" / "loss.csv")) << stop;
  }
}

TEST(Trainer, KeepsSheetsAndCheckpointsAsOftenAsAsked) {
  const TemporaryFolder folder;
  auto options = options_for(folder / "run", 5);
  options.pictures_every = 2;
  options.checkpoint_every = 3;
  Follower follower;
  train(follower, options);
  for (const int epoch : {1, 3}) {
    EXPECT_FALSE(fs::exists(sheet_path(folder / "run", "weight", epoch))) << epoch;
  }
  for (const int epoch : {2, 4, 5}) {
    EXPECT_TRUE(fs::exists(sheet_path(folder / "run", "weight", epoch))) << epoch;
  }
  EXPECT_TRUE(fs::exists(folder / "run" / "checkpoints" / "step-00000012.safetensors"));
  EXPECT_EQ(CheckpointFolder(folder / "run").load_newest()->position.epoch, 5);
}

TEST(Trainer, SaysWhereALossBroke) {
  const TemporaryFolder folder;
  Follower follower;
  follower.broken_at = 12;
  try {
    train(follower, options_for(folder / "run", 3));
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.starts_with("epoch 2, step 7: the loss is not finite")) << message;
    EXPECT_NE(message.find("step-00000004"), std::string::npos) << message;
  }
}

TEST(Trainer, WritesTheModelsThatAKilledRunDidNot) {
  const TemporaryFolder folder;
  Follower follower, again;
  const auto options = options_for(folder / "run", 2);
  train(follower, options);
  fs::remove(folder / "run" / "model.safetensors");
  train(again, options, /*resume=*/true);
  const auto model = read_safetensors(folder / "run" / "model.safetensors");
  EXPECT_EQ(model.tensors.at("weight").item<double>(), follower.weight);
  EXPECT_EQ(model.metadata.at("step"), "8");
}

TEST(Trainer, RefusesAnotherKindsCheckpoint) {
  const TemporaryFolder folder;
  Follower follower, other("leader");
  train(follower, options_for(folder / "run", 1));
  Trainer trainer(options_for(folder / "run", 2), kConfig, other);
  try {
    trainer.resume();
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what())
                  .find("expected a training state of leader, got one of "
                        "follower"),
              std::string::npos)
        << error.what();
  }
}

TEST(Trainer, ARunWithoutACheckpointCannotBeResumed) {
  const TemporaryFolder folder;
  Follower follower;
  EXPECT_THROW(train(follower, options_for(folder / "run", 1), /*resume=*/true), Error);
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(RunLog, DrawsTheCurvesThatHavePoints) {
  const TemporaryFolder folder;
  RunLog log(folder.path());
  const auto curves = folder / "curves.png";
  log.add(1, {{"x", 1}}, {{"epoch", 1}, {"x", 1}, {"note", "none"}});
  log.draw({"x", {{"y", "missing"}, {"note", "no number"}}});
  EXPECT_FALSE(fs::exists(curves));
  log.draw({"x", {{"x", "there"}}});
  const auto one_point = read_picture(curves);
  log.add(2, {{"x", 3}}, {{"epoch", 2}, {"x", 3}});
  log.draw({"x", {{"x", "there"}}});
  const auto two_points = read_picture(curves);
  EXPECT_EQ(one_point.sizes(), two_points.sizes());
  EXPECT_FALSE(at::equal(one_point, two_points));
}

std::vector<std::string> event_files(const fs::path& run) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (is_event_file(entry.path().filename().string())) files.push_back(bytes_of(entry.path()));
  }
  return files;
}

TEST(Trainer, WritesEventsWhereTheyAreAskedFor) {
  const TemporaryFolder folder;
  auto options = options_for(folder / "run", 2);
  options.pictures_every = 0;
  Follower silent;
  train(silent, options);
  EXPECT_TRUE(event_files(folder / "run").empty());
  options.tensorboard = true;
  options.epochs = 3;
  Follower follower;
  train(follower, options, /*resume=*/true);
  const auto files = event_files(folder / "run");
  ASSERT_EQ(files.size(), 1U);
  // The first two stand in loss.csv alone.
  for (const char* tag : {"train/square", "train/gain", "train/mean_distance", "time/seconds"}) {
    EXPECT_NE(files[0].find(tag), std::string::npos) << tag;
  }
}

TEST(RunLog, KeepsTheColumnsOfARunThatIsThere) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "loss.csv", "epoch,rec,beta\n1,0.5,0.1\n2,0.25,0.2\n3,9,9\n");
  RunLog log(folder.path());
  log.keep_through(2);
  log.add(3, {{"beta", 0.3}, {"kl", 7}, {"rec", 0.125}}, {{"epoch", 3}});
  EXPECT_EQ(bytes_of(folder / "loss.csv"), "epoch,rec,beta\n1,0.5,0.1\n2,0.25,0.2\n3,0.125,0.3\n");
  RunLog fresh(folder.path());
  fresh.keep_through(0);
  fresh.add(1, {{"kl", 7}}, {{"epoch", 1}});
  EXPECT_EQ(bytes_of(folder / "loss.csv"), "epoch,kl\n1,7\n");
}

}  // namespace
}  // namespace neurosplat
