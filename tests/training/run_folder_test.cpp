#include "neurosplat/training/run_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <string>

#include "neurosplat/core/error.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using neurosplat::testing::TemporaryFolder;

void write(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "x";
}

std::string refusal(const fs::path& path) {
  try {
    const RunFolder second(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RunFolder, IsOneProcessesAlone) {
  const TemporaryFolder folder;
  const RunFolder first(folder / "run");
  const auto message = refusal(folder / "run");
  EXPECT_NE(message.find((folder / "run").string()), std::string::npos) << message;
  EXPECT_NE(message.find("process " + std::to_string(getpid())), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(refusal(folder / "other"), "");
}

TEST(RunFolder, IsFreeWhenItsHolderIsGoneAndNotHeldByChildren) {
  const TemporaryFolder folder;
  const pid_t holder = fork();
  if (holder == 0) {
    auto* held = new RunFolder(folder / "run");  // as after kill -9: nothing is tidied
    if (fork() == 0) {
      execlp("sleep", "sleep", "2", nullptr);
      _exit(1);
    }
    usleep(200'000);  // until the child is the other program
    _exit(held->path().empty() ? 1 : 0);
  }
  waitpid(holder, nullptr, 0);
  ASSERT_TRUE(fs::exists(folder / "run" / "run.lock"));
  EXPECT_EQ(refusal(folder / "run"), "");
}

TEST(RunFolder, LeavesNothingBehindWhereNothingWasWritten) {
  const TemporaryFolder folder;
  { const RunFolder unused(folder / "run/"); }
  EXPECT_FALSE(fs::exists(folder / "run"));
  { const RunFolder unused(folder / "runs/new/one"); }
  EXPECT_FALSE(fs::exists(folder / "runs"));
  fs::create_directory(folder / "mine");
  { const RunFolder unused(folder / "mine"); }
  EXPECT_TRUE(fs::is_empty(folder / "mine"));
  write(folder / "file");
  EXPECT_THROW(RunFolder(folder / "file"), UsageError);
}

// Whoever runs the tests may be allowed to write anywhere: a link in the lock's place is refused
// by the same rule, and is never followed.
TEST(RunFolder, SaysWhereItCannotLock) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "run");
  fs::create_symlink(folder / "elsewhere", folder / "run" / "run.lock");
  EXPECT_NE(refusal(folder / "run").find("cannot write run.lock"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder / "elsewhere"));
}

TEST(RunFolder, RemovesWhatARunWritesAndNothingElse) {
  const TemporaryFolder folder;
  const auto run = folder / "run";
  write(folder / "outside" / "step-00000001.safetensors");
  for (const char* name : {"notes.txt", "recon_best.png", "recon_001.png.bak",
                           "checkpoints/mine.txt", "sample_003.png/inside"}) {
    write(run / name);
  }
  for (const char* name : {"loss.csv", "config.json", "recon_001.png", "pred_1000.png",
                           ".loss.csv.tmp", "checkpoints/step-00000008.safetensors"}) {
    write(run / name);
  }
  fs::create_symlink(folder / "outside" / "step-00000001.safetensors", run / "model.safetensors");
  {
    const RunFolder held(run, {"model.safetensors", "recon_###.png", "pred_###.png"});
    EXPECT_TRUE(held.holds_run());
    held.clear();
  }
  std::set<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    if (!entry.is_directory()) left.insert(entry.path().lexically_relative(run).string());
  }
  EXPECT_EQ(left, (std::set<std::string>{"notes.txt", "recon_best.png", "recon_001.png.bak",
                                         "checkpoints/mine.txt", "sample_003.png/inside"}));
  fs::remove_all(run / "checkpoints");
  fs::create_directory_symlink(folder / "outside", run / "checkpoints");
  {
    const RunFolder held(run, {"model.safetensors", "recon_###.png", "pred_###.png"});
    EXPECT_TRUE(held.holds_run());
    held.clear();
    EXPECT_FALSE(held.holds_run());
  }
  EXPECT_TRUE(fs::exists(folder / "outside" / "step-00000001.safetensors"));
}

TEST(Paths, AreComparedByWhereTheyLead) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "data" / "runs");
  fs::create_directory_symlink(folder / "data", folder / "link");
  EXPECT_TRUE(same_place(folder / "data/", folder / "link"));
  EXPECT_TRUE(same_place(folder / "data/../new/", folder / "new"));
  EXPECT_FALSE(same_place(folder / "data", folder / "data2"));
  EXPECT_TRUE(lies_in(folder / "link" / "runs" / "new", folder / "data"));
  EXPECT_TRUE(lies_in(folder / "data/", folder / "data"));
  EXPECT_FALSE(lies_in(folder / "data2", folder / "data"));
  EXPECT_FALSE(lies_in(folder / "data", folder / "data" / "runs"));
}

}  // namespace
}  // namespace neurosplat
