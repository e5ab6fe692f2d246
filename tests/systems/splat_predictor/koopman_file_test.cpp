#include "neurosplat/systems/splat_predictor/koopman_file.h"

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

// A Linear without a bias, in the three ways of saving it: the reference's koopman.pt is the tensor
// by itself, its predictor's model.pt holds it as koop.weight.
TEST(KoopmanFile, ReadsPyTorchs) {
  const auto python = testing::python_with("torch");
  if (!python) GTEST_SKIP() << "no Python with torch";
  const testing::TemporaryFolder folder;
  const auto run = testing::run_command(
      {*python, "-c",
       "import sys, torch; folder = sys.argv[1]; koop = torch.nn.Linear(3, 3, bias=False)\n"
       "koop.weight.data = torch.arange(9.0).view(3, 3)\n"
       "torch.save(koop.weight.detach().cpu(), folder + '/koopman.pt')\n"
       "torch.save(koop.state_dict(), folder + '/linear.pt')\n"
       "model = torch.nn.ModuleDict({'koop': koop, 'dec': torch.nn.Linear(3, 3)})\n"
       "torch.save(model.state_dict(), folder + '/model.pt')\n"
       "torch.save([koop.weight.detach()], folder + '/list.pt')\n",
       folder.path().string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = at::arange(9, at::kFloat).view({3, 3});
  for (const auto* const name : {"koopman.pt", "linear.pt", "model.pt"})
    EXPECT_TRUE(load_koopman(folder / name).equal(expected)) << name;
  EXPECT_TRUE(load_koopman(folder.path()).equal(expected));
  EXPECT_THROW(load_koopman(folder / "list.pt"), Error);
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
