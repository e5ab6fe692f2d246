#include "neurosplat/io/outputs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "neurosplat/core/error.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& path, const std::string& words = "mine") {
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  std::ofstream(path) << words;
}

class OutputsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    fs::current_path(folder_.path());
  }
  void TearDown() override { fs::current_path(before_); }

  /// "usage: ..." or "failed: ...", one line; nothing when the outputs are fine. Changes no file.
  std::string check(const Outputs& outputs) const {
    const auto there = listing();
    std::string said;
    try {
      outputs.check();
    } catch (const UsageError& error) {
      said = std::string("usage: ") + error.what();
    } catch (const Error& error) {
      said = std::string("failed: ") + error.what();
    }
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    EXPECT_EQ(listing(), there);
    return said;
  }

  /// Checks that some file, `out`, may be written where `in` is read.
  std::string check(const fs::path& in, const fs::path& out, bool overwrite = true) const {
    Outputs outputs(overwrite);
    outputs.reads("source", in);
    outputs.writes("out", out);
    return check(outputs);
  }

  std::set<std::string> listing() const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      names.insert(entry.path().string());
    }
    return names;
  }

  testing::TemporaryFolder folder_;
  fs::path before_;
};

#define EXPECT_SAYS(said, part) \
  EXPECT_NE((said).find(part), std::string::npos) << "it said: " << (said)

TEST_F(OutputsTest, WhatIsThereIsReplacedOnlyWhenAsked) {
  put("old.png");
  EXPECT_EQ(check("in.mp4", "new.png", false), "");
  EXPECT_EQ(check("in.mp4", "old.png", true), "");
  const auto said = check("in.mp4", "old.png", false);
  EXPECT_SAYS(said, "usage: --out: ");
  EXPECT_SAYS(said, "old.png");
  EXPECT_SAYS(said, "--overwrite");
  fs::create_symlink("nowhere", "link.png");  // to be replaced itself
  EXPECT_SAYS(check("in.mp4", "link.png", false), "link.png is there already");
  EXPECT_EQ(check("in.mp4", "link.png", true), "");
}

TEST_F(OutputsTest, NoOutputIsAnInputUnderAnyName) {
  put("clip.mp4");
  put("a/b/deep.mp4");
  fs::create_symlink("clip.mp4", "link.mp4");
  fs::create_hard_link("clip.mp4", "hard.mp4");
  fs::create_directory_symlink("a", "c");
  for (const auto* out : {"clip.mp4", "./clip.mp4", "a/../clip.mp4", "a/b/../../clip.mp4",
                          "link.mp4", "hard.mp4", "a//../clip.mp4"}) {
    for (const bool overwrite : {false, true}) {
      const auto said = check("clip.mp4", out, overwrite);
      EXPECT_SAYS(said, std::string("usage: --out: expected a name of its own, ") + out +
                            " is what --source reads");
    }
  }
  EXPECT_SAYS(check("a/b/deep.mp4", "c/b/deep.mp4"), "is what --source reads");
  EXPECT_SAYS(check("link.mp4", "clip.mp4"), "is what --source reads");
  EXPECT_SAYS(check(fs::absolute("clip.mp4"), "clip.mp4"), "is what --source reads");
  EXPECT_SAYS(check("absent.mp4", "a/../absent.mp4"), "is what --source reads");
  EXPECT_EQ(check("clip.mp4", "Clip.mp4"), "");  // another file here
  EXPECT_EQ(check("camera:0", "camera.mp4"), "");
}

TEST_F(OutputsTest, PicturesOfAFolderThatIsReadAreInputs) {
  put("frames/1.png");
  put("frames/more/2.png");
  put("frames/metrics.json");
  EXPECT_SAYS(check("frames", "frames/1.png"), "is what --source reads");
  EXPECT_SAYS(check("frames/", "frames/more/2.png"), "is what --source reads");
  EXPECT_EQ(check("frames", "frames/new.mp4"), "");
  EXPECT_EQ(check("frames", "frames/metrics.json"), "");
  const auto folder = [&](const fs::path& out) {
    Outputs outputs(true);
    outputs.reads("source", "frames");
    outputs.writes("out", out, {"frame_######.png"});
    return check(outputs);
  };
  EXPECT_SAYS(folder("frames"),
              "usage: --out: expected a name of its own, frames is what --source");
  EXPECT_SAYS(folder("./frames/"), "is what --source reads");
  EXPECT_EQ(folder("frames/panels"), "");
  // Of a run folder only the model counts.
  put("run/model.safetensors");
  put("run/sample_001.png");
  const auto model = [&](const fs::path& out) {
    Outputs outputs(true);
    outputs.reads("model", "run", {"model.safetensors", "model.pt"});
    outputs.writes("out", out);
    return check(outputs);
  };
  EXPECT_EQ(model("run/sample_001.png"), "");
  EXPECT_SAYS(model("run/../run/model.safetensors"), "is what --model reads");
}

TEST_F(OutputsTest, NoOutputIsAnother) {
  const auto two = [&](const fs::path& metrics, const fs::path& out, bool is_folder) {
    Outputs outputs(true);
    if (is_folder) outputs.writes("out", out, {"table.csv", "frame_######.png"});
    if (!is_folder) outputs.writes("out", out);
    outputs.writes("metrics", metrics);
    return check(outputs);
  };
  EXPECT_EQ(two("x.csv", "x.mp4", false), "");
  EXPECT_SAYS(two("x", "x", false),
              "usage: --out: expected a name of its own, x is what --metrics");
  EXPECT_SAYS(two("a/../x", "x", false), "is what --");
  EXPECT_SAYS(two("x", "x", true), "usage: --metrics: expected a name of its own, x is what --out");
  EXPECT_SAYS(two("x", "x/y", true), "x is what --out writes");
  put("x/old.csv");
  fs::create_hard_link("x/old.csv", "hard.csv");
  EXPECT_SAYS(two("x/old.csv", "hard.csv", false), "is what --");
  EXPECT_EQ(two("x/m.csv", "x", true), "");
  EXPECT_SAYS(two("x/table.csv", "x/", true), "x/table.csv is what --");
  EXPECT_SAYS(two("x/frame_000007.png", "x", true), "is what --out writes");
  EXPECT_EQ(two("x/frame_7a.png", "x", true), "");
}

TEST_F(OutputsTest, AFolderIsFreeWhereItsFilesAre) {
  const auto folder = [&](const fs::path& out, bool overwrite) {
    Outputs outputs(overwrite);
    outputs.writes("out", out, {"metrics.json", "frame_######.png"});
    return check(outputs);
  };
  EXPECT_EQ(folder("new/deep/er", false), "");
  put("there/notes.txt");
  put("there/frame_.png");
  put("there/frame_1.jpg");
  EXPECT_EQ(folder("there", false), "");
  put("there/frame_000012.png");
  EXPECT_SAYS(folder("there", false), "there/frame_000012.png is there already");
  EXPECT_EQ(folder("there", true), "");
  put("other/metrics.json");
  EXPECT_SAYS(folder("other/", false), "other/metrics.json is there already");
  remove_series("there", "frame_######.png");
  EXPECT_FALSE(fs::exists("there/frame_000012.png"));
  EXPECT_TRUE(fs::exists("there/frame_1.jpg") && fs::exists("there/notes.txt"));
}

TEST_F(OutputsTest, FilesAndFoldersAreNotConfused) {
  put("file");
  put("folder/x");
  EXPECT_SAYS(check("in", "folder"), "usage: --out: expected a file to write, folder is a folder");
  EXPECT_SAYS(check("in", "new/"), "is a folder: add a name");
  const auto folder = [&](const fs::path& out) {
    Outputs outputs(true);
    outputs.writes("out", out, {"metrics.json"});
    return check(outputs);
  };
  EXPECT_SAYS(folder("file"), "usage: --out: expected a folder, file is a file");
  EXPECT_SAYS(folder(""), "usage: --out: expected a folder, got an empty name");
  EXPECT_EQ(folder("."), "");
}

TEST_F(OutputsTest, SaysAtOnceWhatCannotBeWritten) {
  EXPECT_SAYS(check("in", "absent/x.csv"),
              "failed: --out: expected the folder of absent/x.csv, there is none: make it first");
  put("file");
  EXPECT_SAYS(check("in", "file/x.csv"), "failed: --out: expected the folder of file/x.csv");
  const auto folder = [&](const fs::path& out) {
    Outputs outputs(true);
    outputs.writes("out", out, {"metrics.json"});
    return check(outputs);
  };
  EXPECT_SAYS(folder("file/deep/er"), "failed: --out: expected a place to write file/deep/er/");
  EXPECT_SAYS(folder(std::string(300, 'x')), "failed: --out: ");
  // Nobody, root neither, makes a file or a folder there.
  EXPECT_SAYS(folder("/proc/neurosplat/out"), "failed: --out: ");
  EXPECT_SAYS(check("in", "/proc/neurosplat.csv"), "failed: --out: ");
}

TEST_F(OutputsTest, SaysAtOnceWhatMayNotBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write into folders that are read-only";
  const auto folder = [&](const fs::path& out) {
    Outputs outputs(true);
    outputs.writes("out", out, {"metrics.json"});
    return check(outputs);
  };
  fs::create_directory("locked");
  fs::permissions("locked", fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_SAYS(folder("locked"), "failed: --out: ");
  EXPECT_SAYS(folder("locked/deep/er"), "failed: --out: ");
  EXPECT_SAYS(check("in", "locked/x.csv"), "failed: --out: ");
  fs::permissions("locked", fs::perms::owner_all);
}

TEST_F(OutputsTest, DevicesMayBeWrittenTo) {
  Outputs outputs(false);
  outputs.reads("source", "/dev/zero");
  outputs.writes("out", "/dev/null");
  outputs.writes("metrics", "/dev/null");
  EXPECT_EQ(check(outputs), "");
}

// A killed writer's leftover is no reason to refuse, and is not ours to remove.
TEST_F(OutputsTest, LeavesTheFilesOfOthers) {
  put(".x.csv.tmp", "half");
  EXPECT_EQ(check("in", "x.csv"), "");
  std::ifstream in(".x.csv.tmp");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "half");
}

}  // namespace
}  // namespace neurosplat
