#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/io/npy_file.h"
#include "neurosplat/signals/signal_options.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

const SignalDescription kSignal = {"a signal", "Spikes", {"patch", "neuron, of it"}, "none"};

/// Two pushes, three samples in all.
void fill(SignalSink& sink) {
  sink.push(at::tensor({1.0F, 0.25F, 2.0F, -3.5F}).view({2, 2}),
            at::tensor({10.0, 10.5}, at::kDouble));
  sink.push(at::zeros({0, 2}), at::zeros({0}, at::kDouble));
  sink.push(at::tensor({1e-7F, 3e8F}).view({1, 2}), at::tensor({11.25}, at::kDouble));
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

TEST(SignalFile, Csv) {
  const testing::TemporaryFolder folder;
  const auto path = folder / "signal.csv";
  {
    const auto sink = open_signal_file(path, kSignal);
    fill(*sink);
    EXPECT_FALSE(std::filesystem::exists(path));
    sink->close();
  }
  EXPECT_EQ(content_of(path),
            "time_s,patch,\"neuron, of it\"\n10.000000,1,0.25\n10.500000,2,-3.5\n"
            "11.250000,1e-07,3e+08\n");
}

TEST(SignalFile, NpyIsReadByNumpyToo) {
  const testing::TemporaryFolder folder;
  const auto path = folder / "signal.npy";
  {
    const auto sink = open_signal_file(path, kSignal);
    fill(*sink);
    EXPECT_FALSE(std::filesystem::exists(path));
    sink->close();
  }
  const auto found = read_npy(path);
  ASSERT_EQ(found.sizes(), at::IntArrayRef({3, 3}));
  EXPECT_EQ(found[1][0].item<double>(), 10.5);
  EXPECT_EQ(found[1][2].item<double>(), -3.5);
  EXPECT_EQ(found[2][2].item<double>(), 3e8);
  const auto python = testing::python_with("numpy");
  if (!python) GTEST_SKIP() << "SKIPPED: no numpy in the Python environment";
  const auto run = testing::run_command(
      {*python, "-c", "import numpy, sys; print(numpy.load(sys.argv[1]).tolist())", path.string()});
  EXPECT_EQ(run.output.substr(0, 46), "[[10.0, 1.0, 0.25], [10.5, 2.0, -3.5], [11.25,")
      << run.errors;
}

TEST(SignalFile, IsWholeOrNotThere) {
  const testing::TemporaryFolder folder;
  for (const char* name : {"signal.csv", "signal.npy"}) {
    { fill(*open_signal_file(folder / name, kSignal)); }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << name;
    const auto first = open_signal_file(folder / name, kSignal);
    EXPECT_THROW(open_signal_file(folder / name, kSignal), Error) << name;
  }
  EXPECT_THROW(open_signal_file(folder / "signal.txt", kSignal), UsageError);
  EXPECT_THROW(open_signal_file(folder / "none" / "signal.csv", kSignal), Error);
}

TEST(SignalFile, OtherShapesAreRefused) {
  const testing::TemporaryFolder folder;
  const auto sink = open_signal_file(folder / "signal.npy", kSignal);
  EXPECT_THROW(sink->push(at::zeros({2, 3}), at::zeros({2}, at::kDouble)), UsageError);
  EXPECT_THROW(sink->push(at::zeros({2, 2}), at::zeros({3}, at::kDouble)), UsageError);
  EXPECT_THROW(sink->push(at::zeros({2, 2}, at::kDouble), at::zeros({2}, at::kDouble)), UsageError);
}

TEST(SignalOptions, NoneAndSeveral) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(open_signal({}, kSignal), nullptr);
  const auto sink = open_signal({.lsl = false, .record = folder / "a.csv"}, kSignal);
  fill(*sink);
  sink->close();
  EXPECT_TRUE(std::filesystem::exists(folder / "a.csv"));
}

}  // namespace
}  // namespace neurosplat
