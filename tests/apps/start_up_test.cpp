// What the programs load, and when: half of a short command's time went into libraries that it had
// no use for.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "apps/programs.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

constexpr const char* kPrograms[] = {"neurosplat-train", "neurosplat-sample", "neurosplat-evaluate",
                                     "neurosplat-live"};

bool names(const std::string& list, const std::string& library) {
  return list.find(library) != std::string::npos;
}

TEST(StartUp, LoadsNeitherCudaNorPictureAndVideoFormats) {
  for (const std::string name : kPrograms) {
    const auto loaded =
        run_command({"/usr/bin/env", "LD_TRACE_LOADED_OBJECTS=1", program(name)}).output;
    EXPECT_TRUE(names(loaded, "libtorch_cpu.so")) << name << loaded;
    for (const std::string late : {"torch_cuda", "libtorch.so", "nccl", "cudnn", "imgcodecs",
                                   "videoio", "gdal", "avcodec", "highgui"}) {
      EXPECT_FALSE(names(loaded, late)) << name << " loads " << late;
    }
  }
}

// A library that stands for a driver without a device (tests/apps/driver_without_device.cpp).
TEST(StartUp, OpensCudaWhereThereIsADriverAndADeviceIsAskedFor) {
  const TemporaryFolder folder;
  const auto train = [&](const std::string& device, const std::string& driver) {
    return run_command(
        {"/usr/bin/env", "LD_DEBUG=files", "LD_LIBRARY_PATH=" + driver, program("neurosplat-train"),
         "splat-vae", "--smoke", "--device", device, "--out", "smoke", "--overwrite"},
        folder.path());
  };
  const auto with_driver = train("cuda", NEUROSPLAT_DRIVER_FOLDER);
  EXPECT_TRUE(names(with_driver.errors, "calling init: ")) << with_driver.errors;
  EXPECT_EQ(names(with_driver.errors, "/libtorch_cuda.so"), NEUROSPLAT_TORCH_HAS_CUDA);
  EXPECT_EQ(with_driver.status, 1);
  EXPECT_TRUE(names(with_driver.errors, "LibTorch finds no CUDA device here"))
      << with_driver.errors;
  const auto not_asked = train("cpu", NEUROSPLAT_DRIVER_FOLDER);
  EXPECT_EQ(not_asked.status, 0);
  EXPECT_FALSE(names(not_asked.errors, "/libtorch_cuda.so"));
}

TEST(StartUp, SaysWhichLibraryIsMissing) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "bin");
  const auto alone = folder / "bin" / "neurosplat-train";
  std::filesystem::copy(program("neurosplat-train"), alone);
  const auto refused = run_command(
      {alone.string(), "splat-vae", "--smoke", "--device", "cpu", "--out", "smoke"}, folder.path());
  expect_refusal(refused, 1, "expected libneurosplat_pictures.so beside this program");
}

}  // namespace
}  // namespace neurosplat::testing
