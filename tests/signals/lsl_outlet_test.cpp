// What we send is what pylsl, the Lab Streaming Layer's own Python package, receives.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

#include "neurosplat/core/error.h"
#include "neurosplat/signals/signal_sink.h"
#include "support/command.h"

namespace neurosplat {
namespace {

const SignalDescription kSignal = {
    "neurosplat test", "Waveform", {"electrode 1", "electrode 2", "three"}, "uV"};

TEST(LslOutlet, SaysWhereALibraryIsMissing) {
  ::setenv("NEUROSPLAT_LIBLSL", "/nowhere/liblsl.so", 1);
  try {
    open_lsl_outlet(kSignal);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("found none at /nowhere/liblsl.so"), std::string::npos)
        << error.what();
  }
  ::unsetenv("NEUROSPLAT_LIBLSL");
}

TEST(LslOutlet, PylslReceivesWhatIsSent) {
  const auto python = testing::python_with("pylsl");
  if (!python) GTEST_SKIP() << "SKIPPED: no pylsl in the Python environment";
  const auto found = testing::run_command(
      {*python, "-c",
       "import pylsl, os; print(os.path.join(os.path.dirname(pylsl.__file__), 'lib'))"});
  auto folder = found.output.substr(0, found.output.find('\n'));
  ::setenv("NEUROSPLAT_LIBLSL", (folder + "/liblsl.so").c_str(), 1);
  const auto outlet = open_lsl_outlet(kSignal);
  EXPECT_THROW(outlet->push(at::zeros({2, 2}), at::zeros({2}, at::kDouble)), UsageError);
  const auto script = testing::source_folder() / "tests/signals/read_stream.py";
  const auto reader = testing::start_piped_command({*python, script.string(), kSignal.name, "40"});
  // Chunks of four samples, numbered, until the reader has enough.
  int status = 0;
  double number = 0;
  for (int chunk = 0; chunk < 3000; ++chunk) {
    const auto first = at::arange(4, at::kFloat).unsqueeze(1) + number;
    const auto times = at::arange(4, at::kDouble) / 30000 + (1000 + number);
    outlet->push(at::cat({first, -first, first / 8}, 1), times);
    number += 4;
    if (::waitpid(reader.process, &status, WNOHANG) == reader.process) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::string said;
  char buffer[4096];
  for (ssize_t got; (got = ::read(reader.reader, buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(reader.reader);
  ASSERT_EQ(status, 0) << said;
  std::istringstream lines(said.substr(said.find("stream ")));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "stream Waveform 0.0 electrode 1|electrode 2|three");
  double before = -1;
  int samples = 0;
  for (double one = 0, two = 0, three = 0, time = 0; lines >> one >> two >> three >> time;) {
    if (before >= 0) {
      EXPECT_EQ(one, before + 1);
    }
    before = one;
    EXPECT_EQ(two, -one);
    EXPECT_EQ(three, one / 8);
    const double within = one - 4 * std::floor(one / 4);
    EXPECT_NEAR(time, 1000 + (one - within) + within / 30000, 1e-6);
    ++samples;
  }
  EXPECT_EQ(samples, 40);
}

}  // namespace
}  // namespace neurosplat
