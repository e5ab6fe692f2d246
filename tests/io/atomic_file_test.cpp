#include "neurosplat/io/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "io/one_line.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::one_line_error;
using testing::TemporaryFolder;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

TEST(AtomicFile, WritesAndReplaces) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", "first, and longer");
  write_file_atomically(folder / "a.txt", [](const ByteSink& sink) {
    sink("sec", 3);
    sink("", 0);
    sink("ond", 3);
  });
  EXPECT_EQ(content(folder / "a.txt"), "second");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, WritesBesideAFileWithoutFolder) {
  const TemporaryFolder folder;
  const auto before = fs::current_path();
  fs::current_path(folder.path());
  write_file_atomically("plain", "x");
  fs::current_path(before);
  EXPECT_EQ(content(folder / "plain"), "x");
}

TEST(AtomicFile, AThrowingWriterLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  EXPECT_THROW(write_file_atomically(folder / "a",
                                     [](const ByteSink& sink) {
                                       sink("new", 3);
                                       throw std::runtime_error("stop");
                                     }),
               std::runtime_error);
  EXPECT_EQ(content(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, AFullDiskIsAnErrorAndLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto message =
      one_line_error([&] { write_file_atomically(folder / "a", std::string(5000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_NE(message.find("File too large"), std::string::npos) << message;
  EXPECT_NE(message.find((folder / "a").string()), std::string::npos) << message;
  EXPECT_EQ(content(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

// A killed writer leaves its temporary file; the next writer takes it over.
TEST(AtomicFile, LeftoversOfKilledWritersDoNotPileUp) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  for (int round = 0; round < 3; ++round) {
    const pid_t child = fork();
    if (child == 0)
      write_file_atomically(folder / "a", [](const ByteSink& sink) {
        sink("half of something long", 22);
        _exit(raise(SIGKILL));
      });
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(content(folder / "a"), "old");
    EXPECT_EQ(entries(folder.path()), 2U);
  }
  write_file_atomically(folder / "a", "new");
  EXPECT_EQ(content(folder / "a"), "new");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, WritersOfOneFileDoNotMix) {
  const TemporaryFolder folder;
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c', 'd'})
    writers.emplace_back([&folder, letter] {
      for (int round = 0; round < 20; ++round)
        write_file_atomically(folder / "shared", [letter](const ByteSink& sink) {
          for (int i = 0; i < 10; ++i) sink(std::string(100, letter).data(), 100);
        });
    });
  for (auto& writer : writers) writer.join();
  const auto result = content(folder / "shared");
  ASSERT_EQ(result.size(), 1000U);
  EXPECT_EQ(result, std::string(1000, result[0]));
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(AtomicFile, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  const auto into = [](const fs::path& path) {
    return one_line_error([&] { write_file_atomically(path, "x"); });
  };
  EXPECT_NE(into(folder.path()).find("is a folder"), std::string::npos);
  EXPECT_NE(into(folder / "").find("is a folder"), std::string::npos);
  EXPECT_NE(into(folder / "missing" / "a").find("No such file or directory"), std::string::npos);
  EXPECT_EQ(entries(folder.path()), 0U);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_NE(into(folder / "pipe").find("is no file"), std::string::npos);
}

TEST(AtomicFile, HandsADeviceTheBytesAndLeavesItThere) {
  const TemporaryFolder folder;
  fs::create_symlink("/dev/null", folder / "nowhere");
  for (const auto& path : {fs::path("/dev/null"), folder / "nowhere"}) {
    write_file_atomically(path, "x");
    EXPECT_TRUE(fs::is_character_file(path)) << path;
  }
  EXPECT_EQ(entries(folder.path()), 1U);
  EXPECT_NE(one_line_error([] { write_file_atomically("/dev/full", "x"); }).find("No space"),
            std::string::npos);
}

TEST(AtomicFile, GrowsUnseenAndLeavesNothingWithoutACommit) {
  const TemporaryFolder folder;
  const auto path = folder / "rows.csv";
  {
    AtomicFile file(path);
    file.write("row\n", 4);
    EXPECT_FALSE(fs::exists(path));
    const auto complaint = one_line_error([&] { const AtomicFile second(path, /*wait=*/false); });
    EXPECT_NE(complaint.find("another program is writing it"), std::string::npos) << complaint;
  }
  EXPECT_EQ(entries(folder.path()), 0U);
  AtomicFile file(path, /*wait=*/false);
  file.write("row\n", 4);
  file.write("two\n", 4);
  file.commit();
  EXPECT_EQ(content(path), "row\ntwo\n");
  EXPECT_EQ(entries(folder.path()), 1U);
}

}  // namespace
}  // namespace neurosplat
