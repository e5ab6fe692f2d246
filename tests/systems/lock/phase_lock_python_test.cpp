// Locking against real PyTorch, which does it in double precision from the same packets.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"
#include "systems/lock/phase_lock.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

using testing::LockedPicture;
using testing::PhaseLock;
using testing::TemporaryFolder;

TEST(PhaseLock, AgreesWithPyTorch) {
  const auto python = testing::python_with("torch, safetensors");
  if (!python) GTEST_SKIP() << "no Python with torch and safetensors";
  const PhaseLock lock(testing::locking_model({32, 24, 8}), {5, 0.2});
  // Two pictures: the second shows that each starts with fresh moments.
  const auto pictures = at::stack({testing::smooth_picture(32), testing::smooth_picture(32, 1.5)});
  const LockedPicture results[] = {lock.lock(pictures[0]), lock.lock(pictures[1])};

  const TemporaryFolder folder;
  const auto raw = at::stack({results[0].prior_packets, results[1].prior_packets});
  write_safetensors(folder / "start.safetensors", {{{"pictures", pictures}, {"raw", raw}}, {}});
  const auto run = testing::run_command(
      {*python, (testing::source_folder() / "tests/systems/lock/reference_phase_lock.py").string(),
       folder.path().string(), "5", "0.2"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors;

  for (int i = 0; i < 2; ++i) {
    const auto& result = results[i];
    const auto error = (result.locked - expected.at("locked")[i]).abs().max().item<double>();
    const auto moved = (result.packets - expected.at("packets")[i]).abs().max().item<double>();
    EXPECT_LT(error, 2e-5);
    EXPECT_LT(moved, 2e-4);
    ASSERT_EQ(result.mse.size(), 6U);
    for (int k = 0; k < 6; ++k) {
      const auto mse = expected.at("mse")[i][k].item<double>();
      EXPECT_NEAR(result.mse[static_cast<std::size_t>(k)], mse, 1e-6 * mse) << "step " << k;
    }
  }
}

}  // namespace
}  // namespace neurosplat
