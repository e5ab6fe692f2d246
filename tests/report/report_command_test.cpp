#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "report/result_files.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

class ReportCommand : public ::testing::Test {
 protected:
  Finished report(const Arguments& more) const {
    Arguments all = {program("neurosplat-evaluate"), "report"};
    all.insert(all.end(), more.begin(), more.end());
    return run_command(all, folder_.path());
  }
  void expect_refusal(const Finished& finished, int status, const std::string& part) const {
    EXPECT_EQ(finished.status, status) << finished.errors;
    EXPECT_NE(finished.errors.find(part), std::string::npos) << finished.errors;
    const auto at = finished.errors.find("error: ");
    ASSERT_NE(at, std::string::npos) << finished.errors;
    EXPECT_EQ(finished.errors.find('\n', at), finished.errors.size() - 1) << finished.errors;
  }
  void make_run(const std::string& name) const {
    write(folder_ / name / "metrics.jsonl", "{\"epoch\":1,\"step\":3,\"loss\":0.5}\nbroken\n");
    write(folder_ / name / "config.json", R"({"lr": 0.1})");
  }
  nlohmann::json json(const std::string& name) const {
    return nlohmann::json::parse(bytes_of(folder_ / name));
  }
  TemporaryFolder folder_;
};

TEST_F(ReportCommand, WritesAPageAndItsNumbers) {
  make_run("runs/a");
  const auto done = report({"runs", "--out", "page.html"});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_NE(done.output.find("page.html (1 runs, 0 evaluations)"), std::string::npos)
      << done.output;
  EXPECT_NE(done.errors.find("1 line no JSON object"), std::string::npos) << done.errors;
  EXPECT_NE(bytes_of(folder_ / "page.html").find("1 line no JSON object"), std::string::npos);
  EXPECT_EQ(json("page.json")["runs"][0]["last"]["loss"], 0.5);
  const auto page = bytes_of(folder_ / "page.html");
  expect_refusal(report({"runs", "--out", "page.html"}), 2, "--overwrite");
  EXPECT_EQ(report({"runs", "--out", "page.html", "--overwrite"}).status, 0);
  EXPECT_EQ(bytes_of(folder_ / "page.html"), page) << "the same files give the same page";
}

TEST_F(ReportCommand, RefusesWhatIsNoReport) {
  make_run("runs/a");
  fs::create_directory(folder_ / "empty");
  write(folder_ / "evaluation/metrics.json", R"({"results": {"x": 1}})");
  expect_refusal(report({"empty"}), 1, "empty");
  expect_refusal(report({"nowhere"}), 2, "nowhere");
  expect_refusal(report({"runs/a/config.json"}), 2, "is a file");
  expect_refusal(report({}), 2, "--all");
  expect_refusal(report({"runs", "--out", "page.txt"}), 2, ".html");
  expect_refusal(report({"runs", "--only", "agreement"}), 2, "--all");
  expect_refusal(report({"runs", "--picture-mib", "-1"}), 2, "picture-mib");
  expect_refusal(report({"runs", "--out", "absent/page.html"}), 1, "absent");
  expect_refusal(report({"--all", "--only", "nonsense"}), 2, "agreement");
  expect_refusal(report({"--all", "--data", "nowhere"}), 2, "--data");
  // metrics.html would bring metrics.json with it, which is read.
  expect_refusal(report({"evaluation", "--out", "evaluation/metrics.html", "--overwrite"}), 2,
                 "metrics.json");
  EXPECT_FALSE(fs::exists(folder_ / "report.html"));
}

TEST_F(ReportCommand, SaysThatAFolderCannotBeWritten) {
  make_run("runs/a");
  fs::create_directory(folder_ / "locked");
  chmod((folder_ / "locked").c_str(), 0500);
  if (::access((folder_ / "locked").c_str(), W_OK) == 0) {
    // For root nothing is locked; a file in the place of the folder is in anybody's way.
    fs::remove(folder_ / "locked");
    write(folder_ / "locked", "");
  }
  expect_refusal(report({"runs", "--out", "locked/page.html"}), 1, "locked");
  expect_refusal(report({"--all", "--only", "agreement", "--results", "locked/all"}), 1, "locked");
}

constexpr const char* kTable = R"({"evaluations": [
  {"name": "mine", "system": "S", "arguments": ["koopman"], "minutes": 0.1,
   "figures": [{"figure": "copy, dB", "key": "persistence_db", "published": 22.45, "decimals": 2, "source": "s"},
               {"figure": "free, dB", "key": "free_db", "published": 9.6, "decimals": 1, "source": "s", "reason": "none"}]},
  {"name": "broken", "system": "S", "arguments": ["koopman", "--frames", "{data}/frames.npy"], "minutes": 0.1,
   "figures": [{"figure": "x", "key": "free_db", "published": 1, "source": "s"}]},
  {"name": "absent", "system": "T", "arguments": ["reconstruction", "--data", "{data}/none"], "needs": ["none"],
   "figures": [{"figure": "y", "key": "psnr_mean_db", "published": 1, "source": "s"}]},
  {"name": "no-model", "system": "T", "arguments": ["ivae-bars", "--model", "{model:no-such.safetensors}"],
   "figures": [{"figure": "z", "key": "x", "published": 1, "source": "s"}]}]})";

TEST_F(ReportCommand, MeasuresATableAndGoesOnWhereItStood) {
  write(folder_ / "table.json", kTable);
  write(folder_ / "data/frames.npy", "no array");
  const Arguments all = {"--all",     "--table", "table.json", "--data", "data",
                         "--results", "all",     "--threads",  "1"};
  const auto first = report(all);
  EXPECT_EQ(first.status, 1) << "one has failed: " << first.errors;
  const auto rows = json("all/report.json")["reported"];
  ASSERT_EQ(rows.size(), 5U) << first.output;
  const auto verdict = [&](std::size_t row) { return rows[row]["verdict"].get<std::string>(); };
  EXPECT_EQ(verdict(0), "equal");
  EXPECT_EQ(rows[0]["ours"], json("all/mine/metrics.json")["results"]["persistence_db"]);
  EXPECT_EQ(verdict(1), "failed") << "metrics.json knows another published figure";
  EXPECT_EQ(verdict(2), "failed");
  EXPECT_NE(rows[2]["why"].get<std::string>().find("frames.npy"), std::string::npos) << rows[2];
  EXPECT_EQ(verdict(3), "skipped");
  EXPECT_NE(rows[3]["why"].get<std::string>().find("absent: none"), std::string::npos) << rows[3];
  EXPECT_EQ(verdict(4), "skipped");
  EXPECT_NE(rows[4]["why"].get<std::string>().find("no-such"), std::string::npos) << rows[4];
  EXPECT_NE(first.output.find("1/4 mine: done"), std::string::npos) << first.output;
  EXPECT_NE(first.output.find("2/4 broken: FAILED"), std::string::npos) << first.output;
  EXPECT_NE(bytes_of(folder_ / "all/report.html").find("Ours beside theirs"), std::string::npos);

  const auto written = fs::last_write_time(folder_ / "all/mine/metrics.json");
  auto some = all;
  some.insert(some.end(), {"--only", "mine,absent"});
  const auto second = report(some);
  EXPECT_NE(second.output.find("1/2 mine: done before"), std::string::npos) << second.output;
  EXPECT_EQ(fs::last_write_time(folder_ / "all/mine/metrics.json"), written);
  EXPECT_EQ(json("all/report.json")["reported"].size(), 3U) << "two of mine, one that is absent";
  auto another = all;
  another.insert(another.end(), {"--only", "absent"});
  EXPECT_EQ(report(another).status, 1) << "a figure of what is finished has failed";
  EXPECT_EQ(json("all/report.json")["reported"].size(), 3U)
      << "what is finished stays in the table";
  some.push_back("--overwrite");
  EXPECT_NE(report(some).output.find("1/2 mine: done,"), std::string::npos);
  EXPECT_GT(fs::last_write_time(folder_ / "all/mine/metrics.json"), written);
}

TEST_F(ReportCommand, DoesNotMixSettings) {
  write(folder_ / "table.json",
        R"({"evaluations": [{"name": "k", "system": "S", "arguments": ["koopman"],
    "quick": ["--components", "3"], "figures": [{"figure": "x", "key": "free_db"}]}]})");
  const Arguments all = {"--all", "--table", "table.json", "--results", "all", "--threads", "1"};
  ASSERT_EQ(report(all).status, 0);
  const auto before = bytes_of(folder_ / "all/k/metrics.json");
  auto quick = all;
  quick.push_back("--quick");
  const auto refused = report(quick);
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.output.find("other options"), std::string::npos) << refused.output;
  EXPECT_EQ(bytes_of(folder_ / "all/k/metrics.json"), before);
  quick.push_back("--overwrite");
  ASSERT_EQ(report(quick).status, 0);
  EXPECT_EQ(json("all/k/metrics.json")["settings"]["components"], 3);
}

TEST_F(ReportCommand, ReproducesTheReferencesExperimentsFromFixtures) {
  const Arguments all = {"--all",     "--only", "agreement,novelty,saccade,koopman,prior-alignment",
                         "--results", "all",    "--threads",
                         "1"};
  const auto done = report(all);
  ASSERT_EQ(done.status, 0) << done.output;
  const auto rows = json("all/report.json")["reported"];
  EXPECT_GE(rows.size(), 25U);
  for (const auto& row : rows) EXPECT_EQ(row["verdict"], "equal") << row;
}

// A name in the table that the program does not know would be found out only after an hour.
TEST_F(ReportCommand, KnowsEveryCommandOfTheShippedTable) {
  const auto list = report({"--all", "--list"});
  ASSERT_EQ(list.status, 0) << list.errors;
  const auto help = run_command({program("neurosplat-evaluate"), "--help"}).output;
  const auto table =
      nlohmann::json::parse(bytes_of(source_folder() / "src/report/reported_figures.json"));
  std::set<std::string> commands;
  for (const auto& one : table["evaluations"]) {
    EXPECT_NE(list.output.find(one["name"].get<std::string>()), std::string::npos);
    commands.insert(one["arguments"][0].get<std::string>());
  }
  EXPECT_GE(commands.size(), 12U);
  for (const auto& command : commands) {
    EXPECT_NE(help.find("\n  " + command + " "), std::string::npos) << command;
  }
}

}  // namespace
}  // namespace neurosplat::testing
