#include "neurosplat/io/wav_file.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "neurosplat/core/error.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Number>
Number number_at(const std::string& bytes, std::size_t place) {
  Number number;
  std::memcpy(&number, bytes.data() + place, sizeof(number));
  return number;
}

// The header of a canonical WAV file, field by field, then the samples.
TEST(WavFile, HasTheHeaderAndTheSamples) {
  const TemporaryFolder folder;
  const auto samples = at::tensor({0.0, 0.5, -0.5, 1.0, -1.0, 1e-5, 0.25}, at::kDouble);
  write_wav(folder / "a.wav", samples, 48000);
  const auto bytes = bytes_of(folder / "a.wav");
  ASSERT_EQ(bytes.size(), 44U + 14U);
  EXPECT_EQ(bytes.substr(0, 4), "RIFF");
  EXPECT_EQ(number_at<std::uint32_t>(bytes, 4), bytes.size() - 8);
  EXPECT_EQ(bytes.substr(8, 8), "WAVEfmt ");
  EXPECT_EQ(number_at<std::uint32_t>(bytes, 16), 16U);
  EXPECT_EQ(number_at<std::uint16_t>(bytes, 20), 1);  // PCM
  EXPECT_EQ(number_at<std::uint16_t>(bytes, 22), 1);  // channels
  EXPECT_EQ(number_at<std::uint32_t>(bytes, 24), 48000U);
  EXPECT_EQ(number_at<std::uint32_t>(bytes, 28), 96000U);
  EXPECT_EQ(number_at<std::uint16_t>(bytes, 32), 2);
  EXPECT_EQ(number_at<std::uint16_t>(bytes, 34), 16);
  EXPECT_EQ(bytes.substr(36, 4), "data");
  EXPECT_EQ(number_at<std::uint32_t>(bytes, 40), 14U);
  for (std::size_t i = 0; i < 7; ++i) {
    const double got = number_at<std::int16_t>(bytes, 44 + 2 * i) / 32767.0;
    EXPECT_NEAR(got, samples[static_cast<std::int64_t>(i)].item<double>(), 0.5001 / 32767.0) << i;
  }
}

TEST(WavFile, PythonReadsIt) {
  const auto python = testing::python_with("wave");
  if (!python) GTEST_SKIP() << "needs Python's wave module, in .venv: scripts/setup.sh";
  const TemporaryFolder folder;
  const auto samples = 2.0 * at::rand({5000}, at::detail::createCPUGenerator(1), at::kFloat) - 1.0;
  write_wav(folder / "a.wav", samples, 8000);
  const std::string script =
      "import array, sys, wave\n"
      "sound = wave.open(sys.argv[1])\n"
      "samples = array.array('h', sound.readframes(sound.getnframes()))\n"
      "print(sound.getnchannels(), sound.getsampwidth(), sound.getframerate(), len(samples))\n"
      "print(*samples)\n";
  const auto run = testing::run_command({*python, "-c", script, (folder / "a.wav").string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  std::istringstream out(run.output);
  int channels = 0, width = 0, rate = 0, count = 0;
  out >> channels >> width >> rate >> count;
  EXPECT_EQ(channels, 1);
  EXPECT_EQ(width, 2);
  EXPECT_EQ(rate, 8000);
  ASSERT_EQ(count, 5000);
  for (std::int64_t i = 0; i < count; ++i) {
    double sample = 0.0;
    out >> sample;
    ASSERT_NEAR(sample / 32767.0, samples[i].item<double>(), 0.51 / 32767.0) << i;
  }
}

TEST(WavFile, IsWholeOrNotThere) {
  const TemporaryFolder folder;
  write_wav(folder / "empty.wav", at::zeros({0}), 48000);
  EXPECT_EQ(bytes_of(folder / "empty.wav").size(), 44U);
  EXPECT_THROW(write_wav(folder / "no/a.wav", at::zeros({5}), 48000), Error);
  EXPECT_THROW(write_wav(folder / "a.wav", at::zeros({5}), 0), UsageError);
  EXPECT_THROW(write_wav(folder / "a.wav", at::zeros({5, 2}), 48000), UsageError);
  EXPECT_THROW(write_wav(folder / "a.wav", at::zeros({5}, at::kShort), 48000), UsageError);
  EXPECT_THROW(write_wav(folder / "a.wav", at::full({5}, 1.001), 48000), UsageError);
  EXPECT_THROW(write_wav(folder / "a.wav", at::full({5}, std::nan("")), 48000), UsageError);
  EXPECT_THROW(write_wav(folder / "a.wav", {}, 48000), UsageError);
  EXPECT_FALSE(fs::exists(folder / "a.wav"));
}

}  // namespace
}  // namespace neurosplat
