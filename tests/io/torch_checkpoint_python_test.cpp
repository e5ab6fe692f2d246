// Files that a real PyTorch wrote.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/one_line.h"
#include "neurosplat/io/torch_checkpoint.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using testing::one_line_error;
using testing::TemporaryFolder;

constexpr const char* script = R"(
import collections, os, sys, torch
folder = sys.argv[1]
def save(name, what, **options):
    torch.save(what, os.path.join(folder, name), **options)

module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 2), torch.nn.BatchNorm2d(4))
with torch.no_grad():
    for number, tensor in enumerate(module.state_dict().values()):
        tensor.copy_((torch.arange(tensor.numel()) + 100 * number).view(tensor.shape))
save('module_state.pt', module.state_dict())
save('parameters.pt', dict(module.named_parameters()))

whole = torch.arange(-3, 9).view(3, 4)
thirds = whole.double() / 3
save('dtypes.pt', {'Double': thirds, 'Float': thirds.float(), 'Half': thirds.half(),
                   'BFloat16': thirds.bfloat16(), 'Long': whole, 'Int': whole.int(),
                   'Short': whole.short(), 'Char': whole.char(), 'Byte': (whole + 3).byte(),
                   'Bool': whole > 2})
save('views.pt', collections.OrderedDict(whole=whole, turned=whole.t(), column=whole[:, 1],
                                         part=whole[1:, ::2], one=whole[2, 3], none=whole[:0]))
save('many.pt', {f'layer.{i}': torch.full((2,), float(i)) for i in range(700)})

for number, tag in enumerate(('cuda:0', 'mps', 'xla:1')):  # as where the tensors lie there
    torch.serialization.register_package(number - 9, lambda storage, tag=tag: tag,
                                         lambda storage, place: None)
    save(f'tag{number}.pt', module.state_dict())
    assert tag.encode() in open(os.path.join(folder, f'tag{number}.pt'), 'rb').read()
    torch.serialization._package_registry.pop(0)

axis = torch.arange(5)
grids = {}
for name in ('double', 'float', 'half', 'bfloat16', 'long', 'int', 'short', 'int8', 'uint8', 'bool'):
    y, x = torch.meshgrid(axis.to(getattr(torch, name)), axis[:4].to(getattr(torch, name)),
                          indexing='ij')
    grids.update({f'x.{name}': x[None, None], f'y.{name}': y[None, None]})
assert grids['x.half'].stride() == (0, 0, 0, 1) and grids['y.half'].stride() == (5, 5, 1, 0)
save('grids.pt', grids)
save('expanded.pt', {'w': torch.ones(1).expand(1000, 1000)})
save('bomb.pt', {'w': torch.zeros(1).expand(1000000, 1000000)})

optimiser = torch.optim.Adam(module.parameters(), lr=0.3)
module(torch.ones(2, 3, 5, 5)).sum().backward()
trained = {name: tensor.clone() for name, tensor in module.state_dict().items()}
optimiser.step()
module.load_state_dict(trained)
save('checkpoint.pt', {'epoch': 3, 'loss': 0.25, 'best': float('inf'), 'note': None,
                       'model': torch.nn.DataParallel(module).state_dict(),
                       'optimizer': optimiser.state_dict(), 'random': torch.get_rng_state()})
save('averages.pt', {'model': module.state_dict(), 'ema': module.state_dict(), 'epoch': 3})
import argparse
save('options.pt', {'model': module.state_dict(), 'args': argparse.Namespace(lr=1)})
save('tensor.pt', whole)
save('module.pt', module)
save('legacy.pt', module.state_dict(), _use_new_zipfile_serialization=False)
save('protocol4.pt', module.state_dict(), pickle_protocol=4)

class Evil:
    def __reduce__(self):
        return os.system, ('touch ' + os.path.join(folder, 'pwned'),)
save('evil.pt', {'w': Evil()})
)";

using Tensors = std::map<std::string, at::Tensor>;

void expect_modules(const Tensors& state, const Tensors& parameters) {
  ASSERT_EQ(state.size(), 7U);
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> expected = {
      {"0.weight", {4, 3, 2, 2}}, {"0.bias", {4}},        {"1.weight", {4}}, {"1.bias", {4}},
      {"1.running_mean", {4}},    {"1.running_var", {4}},
  };
  for (std::size_t number = 0; number < expected.size(); ++number) {
    const auto& [name, shape] = expected[number];
    ASSERT_TRUE(state.contains(name)) << name;
    const auto& tensor = state.at(name);
    EXPECT_EQ(tensor.scalar_type(), at::kFloat) << name;
    EXPECT_FALSE(tensor.requires_grad()) << name;
    ASSERT_EQ(tensor.sizes(), at::IntArrayRef(shape)) << name;
    const auto ramp = at::arange(tensor.numel(), at::kFloat) + 100.0 * static_cast<double>(number);
    EXPECT_TRUE(tensor.equal(ramp.view(shape))) << name;
  }
  const auto& count = state.at("1.num_batches_tracked");
  EXPECT_EQ(count.scalar_type(), at::kLong);
  EXPECT_EQ(count.dim(), 0);
  EXPECT_EQ(count.item<std::int64_t>(), 600);

  ASSERT_EQ(parameters.size(), 4U);
  for (const auto& [name, tensor] : parameters) EXPECT_TRUE(tensor.equal(state.at(name))) << name;
}

void expect_every_dtype(const Tensors& read_back) {
  ASSERT_EQ(read_back.size(), 10U);
  const auto whole = at::arange(-3, 9).view({3, 4});
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
    const auto& tensor = read_back.at(at::toString(dtype));
    EXPECT_EQ(tensor.scalar_type(), dtype);
    EXPECT_TRUE(tensor.equal((whole.to(at::kDouble) / 3.0).to(dtype))) << dtype;
  }
  for (const auto dtype : {at::kLong, at::kInt, at::kShort, at::kChar}) {
    const auto& tensor = read_back.at(at::toString(dtype));
    EXPECT_EQ(tensor.scalar_type(), dtype);
    EXPECT_TRUE(tensor.equal(whole.to(dtype))) << dtype;
  }
  EXPECT_TRUE(read_back.at("Byte").equal((whole + 3).to(at::kByte)));
  EXPECT_TRUE(read_back.at("Bool").equal(whole > 2));
}

void expect_views_of_shared_storages(const Tensors& views) {
  const auto whole = at::arange(-3, 9).view({3, 4});
  ASSERT_EQ(views.size(), 6U);
  EXPECT_TRUE(views.at("whole").equal(whole));
  EXPECT_TRUE(views.at("turned").equal(whole.t()));
  EXPECT_TRUE(views.at("column").equal(whole.select(1, 1)));
  EXPECT_TRUE(views.at("part").equal(whole.narrow(0, 1, 2).slice(1, 0, 4, 2)));
  EXPECT_EQ(views.at("one").item<std::int64_t>(), 8);
  EXPECT_EQ(views.at("none").sizes(), at::IntArrayRef({0, 4}));
}

// More than 256 entries need the long form of the pickle's memo.
void expect_many_tensors(const Tensors& many) {
  ASSERT_EQ(many.size(), 700U);
  for (int i = 0; i < 700; ++i)
    EXPECT_TRUE(many.at("layer." + std::to_string(i)).equal(at::full({2}, i, at::kFloat))) << i;
}

// Coordinates of five rows and four columns, each stored once: as Python expands them.
void expect_grids(const Tensors& grids) {
  ASSERT_EQ(grids.size(), 20U);
  for (const auto& [name, tensor] : grids) {
    const auto [rows, columns] = std::pair{at::arange(5).view({1, 1, 5, 1}), at::arange(4)};
    const auto& expected = (name[0] == 'x' ? columns : rows).expand({1, 1, 5, 4});
    EXPECT_TRUE(tensor.equal(expected.to(tensor.scalar_type()))) << name;
  }
  EXPECT_EQ(grids.at("x.half").scalar_type(), at::kHalf);
  EXPECT_EQ(grids.at("y.bool").scalar_type(), at::kBool);
}

void expect_equal(const Tensors& found, const Tensors& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) EXPECT_TRUE(found.at(name).equal(tensor)) << name;
}

// One test, because PyTorch takes seconds to start.
TEST(TorchCheckpoint, ReadsWhatPythonWrites) {
  const auto python = testing::python_with("torch");
  if (!python) GTEST_SKIP() << "no Python with torch";
  const TemporaryFolder folder;
  const auto run =
      testing::run_command({*python, "-W", "ignore", "-c", script, folder.path().string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto read = [&](const char* name) { return read_torch_state_dict(folder / name); };
  expect_modules(read("module_state.pt"), read("parameters.pt"));
  expect_every_dtype(read("dtypes.pt"));
  expect_views_of_shared_storages(read("views.pt"));
  expect_many_tensors(read("many.pt"));
  for (const char* name : {"tag0.pt", "tag1.pt", "tag2.pt"}) {
    expect_equal(read(name), read("module_state.pt"));
  }
  expect_grids(read("grids.pt"));
  EXPECT_EQ(read("tensor.pt").size(), 1U);
  EXPECT_TRUE(read("tensor.pt").contains(""));
  EXPECT_TRUE(read("expanded.pt").at("w").equal(at::ones({1000, 1000})));
  auto trained = read("module_state.pt");
  trained.at("1.num_batches_tracked") += 1;
  const auto checkpoint = read("checkpoint.pt");
  for (const char* name : {"1.running_mean", "1.running_var"}) {  // the forward pass moved them
    trained.insert_or_assign(name, checkpoint.at(name));
  }
  expect_equal(checkpoint, trained);

  for (const auto& [name, said] :
       {std::pair{"averages.pt", "several, model and ema: write the state dict alone"},
        {"options.pt", "argparse.Namespace"},
        {"module.pt", "torch.nn.modules"},
        {"bomb.pt", "repeats its 1 stored elements to more than 134217728 bytes"},
        {"legacy.pt", "PyTorch 1.6 or later"},
        {"protocol4.pt", "not of protocol 2"},
        // What Python calls the module of os.system.
        {"evil.pt", "posix.system"}}) {
    const auto message = one_line_error([&, file = name] { read(file); });
    EXPECT_NE(message.find(said), std::string::npos) << message;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "pwned"));
}

}  // namespace
}  // namespace neurosplat
