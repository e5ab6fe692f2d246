#include "neurosplat/io/koopman_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

TEST(KoopmanFile, ComesBack) {
  const testing::TemporaryFolder folder;
  const auto k = at::linspace(-1, 1, 16).view({4, 4});
  save_koopman(folder / "koopman.safetensors", k);
  EXPECT_TRUE(load_koopman(folder / "koopman.safetensors").equal(k));
  EXPECT_TRUE(load_koopman(folder.path()).equal(k));
}

// As the reference saves it: the state dict of a Linear without a bias.
TEST(KoopmanFile, ReadsPyTorchs) {
  const auto python = testing::python_with("torch");
  if (!python) GTEST_SKIP() << "no Python with torch";
  const testing::TemporaryFolder folder;
  const auto path = (folder / "koopman.pt").string();
  const auto run = testing::run_command(
      {*python, "-c",
       "import sys, torch; k = torch.nn.Linear(3, 3, bias=False)\n"
       "k.weight.data = torch.arange(9.0).view(3, 3); torch.save(k.state_dict(), sys.argv[1])",
       path});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_TRUE(load_koopman(path).equal(at::arange(9, at::kFloat).view({3, 3})));
}

TEST(KoopmanFile, RefusesWhatIsNone) {
  const testing::TemporaryFolder folder;
  const auto refused = [&](const at::Tensor& tensor, const std::string& name) {
    write_safetensors(folder / "k.safetensors", {{{name, tensor}}, {}});
    EXPECT_THROW(load_koopman(folder / "k.safetensors"), Error);
  };
  refused(at::zeros({3, 3}), "bias");
  refused(at::zeros({3, 4}), "weight");
  refused(at::zeros({9}), "weight");
  refused(at::zeros({3, 3}, at::kLong), "weight");
  refused(at::full({3, 3}, NAN), "weight");
  EXPECT_THROW(load_koopman(folder.path()), Error);
  EXPECT_THROW(load_koopman(folder / "absent.pt"), Error);
}

}  // namespace
}  // namespace neurosplat
