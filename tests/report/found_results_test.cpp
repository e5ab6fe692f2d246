#include "neurosplat/report/found_results.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>

#include "neurosplat/core/error.h"
#include "report/result_files.h"
#include "support/temporary_folder.h"

namespace neurosplat::report {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::write;

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> names_of(const FoundResults& found) {
  std::vector<std::string> names;
  for (const auto& run : found.runs) names.push_back(run.name);
  for (const auto& one : found.evaluations) names.push_back(one.name);
  return names;
}

TEST(FoundResults, AreRunsAndEvaluationsByPath) {
  const TemporaryFolder folder;
  write(folder / "runs/b/metrics.jsonl", R"({"epoch":1,"step":7,"loss":0.5})");
  write(folder / "runs/a/loss.csv", "epoch,rec\n1,0.25\n2,0.125\n");
  write(folder / "runs/a/config.json", R"({"lr": 0.1})");
  write(folder / "runs/a/inner/metrics.json", R"({"results": {"x": 1}})");
  write(folder / "runs/.hidden/metrics.json", R"({"results": {"x": 1}})");
  write(folder / "runs/loss only/loss.csv", "epoch,rec\n1,0.25\n");
  fs::create_directory_symlink(folder / "runs", folder / "runs/a/loop");
  const auto found = find_results({folder / "runs", folder / "runs" / "a", folder / "runs/"});
  EXPECT_EQ(names_of(found), (std::vector<std::string>{"runs/a", "runs/b", "runs/a/inner"}));
  EXPECT_TRUE(found.notes.empty());
  EXPECT_EQ(found.runs[0].epochs, 2);
  EXPECT_EQ(found.runs[0].settings["lr"], 0.1);
  ASSERT_EQ(found.runs[0].terms.size(), 1U);
  EXPECT_EQ(found.runs[0].terms[0].points[1].value, 0.125);
  EXPECT_EQ(found.runs[1].steps, 7);
}

TEST(FoundResults, TakesTermsOfBothFilesOnce) {
  const TemporaryFolder folder;
  write(folder / "run/loss.csv", "epoch,loss,beta\n1,0.5,0.25\n2,nan,0.5\n");
  write(folder / "run/metrics.jsonl",
        "{\"epoch\":1,\"step\":4,\"loss\":0.5,\"words\":\"x\",\"list\":[1]}\n"
        "{\"epoch\":2,\"step\":8,\"loss\":null,\"held_out_db\":20.5}\n");
  const auto run = find_results({folder / "run"}).runs.at(0);
  ASSERT_EQ(run.terms.size(), 3U);
  EXPECT_EQ(run.terms[0].key, "loss");
  ASSERT_EQ(run.terms[0].points.size(), 2U);
  EXPECT_EQ(run.terms[0].points[0].value, 0.5);
  EXPECT_TRUE(std::isnan(run.terms[0].points[1].value));
  EXPECT_EQ(run.terms[1].key, "held_out_db");
  EXPECT_EQ(run.terms[1].points[0].epoch, 2);
  EXPECT_EQ(run.terms[2].key, "beta");
  EXPECT_EQ(run.terms[2].points[1].value, 0.5);
  EXPECT_EQ(run.steps, 8);
}

TEST(FoundResults, PassesOverWhatIsBrokenAndSaysSo) {
  const TemporaryFolder folder;
  write(folder / "run/metrics.jsonl",
        "{\"epoch\":1,\"loss\":0.5}\n{\"epoch\":2,\"lo\nnonsense\n[3]\n{\"epoch\":3,\"loss\":0.25}"
        "\n");
  write(folder / "run/config.json", "{\"lr\": ");
  write(folder / "bad/metrics.json", "{\"results\": [1]}");
  write(folder / "deep/metrics.json",
        "{\"results\": " + std::string(200'000, '[') + std::string(200'000, ']') + "}");
  write(folder / "huge/metrics.json", "");
  fs::resize_file(folder / "huge/metrics.json", 65U << 20);
  const auto found = find_results({folder.path()});
  ASSERT_EQ(found.runs.size(), 1U);
  EXPECT_TRUE(found.evaluations.empty());
  EXPECT_EQ(found.runs[0].terms.at(0).points.size(), 2U);
  EXPECT_TRUE(found.runs[0].settings.empty());
  ASSERT_EQ(found.notes.size(), 5U);
  std::string all;
  for (const auto& note : found.notes) {
    EXPECT_EQ(note.find('\n'), std::string::npos);
    all += note + "\n";
  }
  EXPECT_NE(all.find("run/metrics.jsonl: 3 lines no JSON object: skipped"), std::string::npos)
      << all;
  for (const char* name :
       {"run/config.json", "bad/metrics.json", "deep/metrics.json", "huge/metrics.json"}) {
    EXPECT_NE(all.find(name), std::string::npos) << name;
  }
}

TEST(FoundResults, SaysWhereThereAreNone) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "empty");
  write(folder / "file", "x");
  EXPECT_NE(error_of([&] { find_results({folder / "file"}); }).find("is a file"),
            std::string::npos);
  EXPECT_NE(error_of([&] { find_results({folder / "nowhere"}); }).find("not there"),
            std::string::npos);
  const std::vector<fs::path> folders = {folder / "empty"};
  const auto found = find_results(folders);
  const auto message = error_of([&] { check_not_empty(found, folders); });
  EXPECT_NE(message.find((folder / "empty").string()), std::string::npos) << message;
  EXPECT_NE(message.find("metrics.jsonl"), std::string::npos) << message;
}

}  // namespace
}  // namespace neurosplat::report
