// The page in headless Chromium, driven by drive_page.py.
#include <gtest/gtest.h>

#include <string>

#include "neurosplat/systems/waveform/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

constexpr int kSkipped = 77;

TEST(PageInABrowser, EveryModeSourceSolverAndKey) {
  const testing::TemporaryFolder folder;
  const auto model = folder / "model.safetensors";
  save_waveform_autoencoder(
      model, WaveformAutoencoder({.image_size = 16, .latent = 4, .electrodes = 2, .width = 8}), {});
  // Debian's Selenium belongs to Debian's Python.
  const auto python = testing::python_with("selenium").value_or("/usr/bin/python3");
  const auto script = testing::source_folder() / "tests/page/drive_page.py";
  const auto run =
      testing::run_command({python, script.string(), testing::program("neurosplat-live"),
                            (folder / "browser").string(), "--model", model.string()});
  if (run.status == kSkipped || run.status == 127) {
    GTEST_SKIP() << (run.status == 127 ? "SKIPPED: no " + python : run.output);
  }
  EXPECT_EQ(run.status, 0) << run.output << run.errors;
  EXPECT_NE(run.output.find("page: ok"), std::string::npos);
}

}  // namespace
}  // namespace neurosplat
