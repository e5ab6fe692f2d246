// `cmake --install`, moved elsewhere: a program outside of the tree finds, links and runs the
// library, and the programs find what is shipped with them.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// CMake breaks its messages into lines.
std::string in_one_line(const std::string& message) {
  std::istringstream words(message);
  std::string line;
  for (std::string word; words >> word;) line += (line.empty() ? "" : " ") + word;
  return line;
}

fs::path build_folder() {
  return fs::path(program("neurosplat-train")).parent_path().parent_path();
}

/// Installs once for all tests and moves the prefix: nothing in it may know where it was put first.
class Library : public ::testing::Test {
 protected:
  void SetUp() override {
    if (run_command({"cmake", "--version"}).status != 0) GTEST_SKIP() << "no cmake";
    const auto installed = run_command(
        {"cmake", "--install", build_folder().string(), "--prefix", (folder / "first").string()});
    ASSERT_EQ(installed.status, 0) << installed.errors;
    fs::rename(folder / "first", prefix);
  }

  Finished configure(const std::vector<std::string>& more) const {
    std::vector<std::string> command = {"cmake",
                                        "-S",
                                        (folder / "example").string(),
                                        "-B",
                                        (folder / "build").string(),
                                        "-DCMAKE_PREFIX_PATH=" + prefix.string()};
    command.insert(command.end(), more.begin(), more.end());
    return run_command(command, folder.path());
  }

  std::string installed(const std::string& name) const { return (prefix / "bin" / name).string(); }

  TemporaryFolder folder;
  fs::path prefix = folder / "prefix";
};

TEST_F(Library, IsFoundLinkedAndRunOutsideOfTheTree) {
  fs::copy(source_folder() / "examples" / "lock_frame", folder / "example",
           fs::copy_options::recursive);
  const auto configured = configure({});
  ASSERT_EQ(configured.status, 0) << configured.output << configured.errors;
  const auto built = run_command({"cmake", "--build", (folder / "build").string()});
  ASSERT_EQ(built.status, 0) << built.output << built.errors;
  const auto model = prefix / "share" / "neurosplat" / "models" / "flowers-128.safetensors";
  const auto ran = run_command({(folder / "build" / "lock_frame").string(), model.string()});
  ASSERT_EQ(ran.status, 0) << ran.errors;
  long long packets = 0;
  double error = 0, psnr = 0;
  ASSERT_EQ(std::sscanf(ran.output.c_str(),
                        "%lld packets, prior mean square error %lf, locked PSNR %lf dB", &packets,
                        &error, &psnr),
            3)
      << ran.output;
  EXPECT_EQ(packets, 512);
  // A flat grey picture has an error of .04; the lock must be far beyond the prior.
  EXPECT_GT(error, 0);
  EXPECT_LT(error, 0.04);
  EXPECT_GT(psnr, 20);

  // A wrong answer in one line for what cannot be: no such module, a folder without LibTorch.
  const auto unknown = folder / "example" / "CMakeLists.txt";
  const auto given = text_of(unknown);
  fs::remove_all(folder / "build");
  std::ofstream(unknown) << "cmake_minimum_required(VERSION 3.25)\nproject(a LANGUAGES CXX)\n"
                            "find_package(neurosplat REQUIRED COMPONENTS retina)\n";
  const auto refused = configure({});
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(in_one_line(refused.errors).find("got 'retina'"), std::string::npos) << refused.errors;
  std::ofstream(unknown) << given;
  fs::remove_all(folder / "build");
  const auto no_torch = configure({"-DNEUROSPLAT_LIBTORCH=" + (folder / "nowhere").string()});
  EXPECT_NE(no_torch.status, 0);
  EXPECT_NE(in_one_line(no_torch.errors).find("expected libtorch.so in"), std::string::npos)
      << no_torch.errors;
}

TEST_F(Library, PackageFilesKnowNothingOfTheBuild) {
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(prefix)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".cmake") continue;
    const auto words = text_of(entry.path());
    EXPECT_EQ(words.find("-Werror"), std::string::npos) << entry.path();
    EXPECT_EQ(words.find(build_folder().string()), std::string::npos) << entry.path();
    EXPECT_EQ(words.find((source_folder() / "include").string()), std::string::npos)
        << entry.path();
    EXPECT_EQ(words.find((source_folder() / "src").string()), std::string::npos) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 4);
  EXPECT_TRUE(fs::exists(prefix / "include/neurosplat/renderer/packets/renderer.h"));
}

TEST_F(Library, ProgramsReadWhatIsShippedWithThem) {
  EXPECT_EQ(
      run_command({installed("neurosplat-evaluate"), "--version"}).output.rfind("neurosplat ", 0),
      0U);
  const auto out = (folder / "sample.png").string();
  const std::vector<std::string> sample = {
      installed("neurosplat-sample"), "splat-vae", "--count", "1", "--out", out};
  const auto drawn = run_command(sample, folder.path());
  EXPECT_EQ(drawn.status, 0) << drawn.errors;
  EXPECT_GT(fs::file_size(out), 100U);
  // Damaged, the prefix's own model is complained about: no other was read.
  const auto model = prefix / "share/neurosplat/models/flowers-128.safetensors";
  std::ofstream(model, std::ios::trunc) << "none";
  fs::remove(out);
  const auto refused = run_command(sample, folder.path());
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.errors.find(model.string()), std::string::npos) << refused.errors;
  // The experiments' inputs.
  const auto experiment =
      run_command({"env", "NEUROSPLAT_SHARED=/nonexistent", installed("neurosplat-evaluate"),
                   "prior-alignment", "--out", (folder / "out").string()},
                  folder.path());
  EXPECT_EQ(experiment.status, 0) << experiment.errors;
  EXPECT_TRUE(fs::exists(folder / "out" / "metrics.json"));
}

}  // namespace
}  // namespace neurosplat::testing
