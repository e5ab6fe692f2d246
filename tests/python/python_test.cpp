// Runs python/tests with the operators of this build.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

fs::path package() {
  return source_folder() / "python";
}

class Python : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto found = python_with("torch, safetensors, numpy");
    if (!found) GTEST_SKIP() << "no Python with torch, numpy and safetensors";
    python_ = *found;
    const auto where =
        run_command({python_, "-c", "import torch; print(torch.__path__[0], end='')"});
    std::error_code ignored;
    if (!fs::equivalent(where.output, NEUROSPLAT_TORCH_ROOT, ignored)) {
      GTEST_SKIP() << "the operators were built with the LibTorch in " << NEUROSPLAT_TORCH_ROOT
                   << ", Python's torch is " << where.output;
    }
  }

  /// With the package of `path` and the library of this build, or the package's own.
  Finished run(const fs::path& path, bool own_library, const std::vector<std::string>& arguments,
               const fs::path& folder) const {
    std::vector<std::string> command = {"env", "PYTHONPATH=" + path.string(),
                                        "PYTHONDONTWRITEBYTECODE=1"};
    if (!own_library) command.push_back(std::string("NEUROSPLAT_LIBRARY=") + NEUROSPLAT_OPERATORS);
    command.push_back(python_);
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_command(command, folder);
  }

  void expect_success(const std::string& module) const {
    const auto ran = run(package(), false, {"-m", "unittest", "-v", module}, package() / "tests");
    EXPECT_EQ(ran.status, 0) << ran.output << ran.errors;
    EXPECT_NE(ran.errors.find("\nOK"), std::string::npos) << ran.errors;
  }

  TemporaryFolder folder_;
  std::string python_;
};

TEST_F(Python, RendersAndGoesBack) {
  expect_success("test_render");
}

TEST_F(Python, Compiles) {
  if (run_command({"g++", "--version"}).status != 0) GTEST_SKIP() << "no g++ for torch.compile";
  expect_success("test_compile");
}

TEST_F(Python, ReadsModelsAndLocks) {
  expect_success("test_model");
}

TEST_F(Python, ExampleFitsItsPicture) {
  const auto ran = run(package(), false, {(source_folder() / "examples/fit_picture.py").string()},
                       folder_.path());
  ASSERT_EQ(ran.status, 0) << ran.errors;
  double first = 0, last = 0;
  const auto number_after = [&](const std::string& words) {
    const auto at = ran.output.find(words);
    return at == std::string::npos ? 0.0 : std::stod(ran.output.substr(at + words.size()));
  };
  first = number_after("step 100: ");
  last = number_after("step 400: ");
  EXPECT_GT(last, first) << ran.output;
  EXPECT_GT(last, 30) << ran.output;
  EXPECT_GT(fs::file_size(folder_ / "fit.ppm"), 3U * 384 * 256);
}

TEST_F(Python, IsInstalledByPip) {
  const auto installed =
      run_command({"env", std::string("NEUROSPLAT_LIBRARY=") + NEUROSPLAT_OPERATORS, python_, "-m",
                   "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check",
                   "--target", (folder_ / "site").string(), package().string()});
  if (installed.errors.find("No matching distribution found for setuptools") != std::string::npos) {
    GTEST_SKIP() << "pip cannot get setuptools here";
  }
  ASSERT_EQ(installed.status, 0) << installed.errors;
  // From a folder of its own, with nothing of the checkout in sight.
  const auto ran =
      run(folder_ / "site", true,
          {"-c",
           "import neurosplat, torch; m = neurosplat.load_model(); "
           "print(neurosplat.library_path, tuple(m(torch.zeros(1, 3, 128, 128)).shape))"},
          folder_.path());
  ASSERT_EQ(ran.status, 0) << ran.errors;
  EXPECT_NE(ran.output.find((folder_ / "site" / "neurosplat").string()), std::string::npos)
      << ran.output;
  EXPECT_NE(ran.output.find("(1, 3, 128, 128)"), std::string::npos) << ran.output;
}

TEST_F(Python, SaysWhatIsMissing) {
  const auto ran =
      run_command({"env", "PYTHONPATH=" + package().string(), "PYTHONDONTWRITEBYTECODE=1",
                   "NEUROSPLAT_LIBRARY=/nonexistent.so", python_, "-c", "import neurosplat"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.errors.find("ImportError: expected libneurosplat_operators.so in /nonexistent.so"),
            std::string::npos)
      << ran.errors;
}

}  // namespace
}  // namespace neurosplat::testing
