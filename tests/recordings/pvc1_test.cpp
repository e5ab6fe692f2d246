#include "neurosplat/recordings/pvc1.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/recordings/movie_frames.h"
#include "neurosplat/recordings/simulated_v1.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

/// Two segments, one shown once, the other three times: one repeat is a struct, several are a cell.
Recording small_recording() {
  const SimulatedV1 v1({.electrodes = 3, .noise_rate = 20});
  const auto rates = at::full({30, 3}, 20.0, at::kFloat);
  Recording recording{.electrodes = 3, .presentations = {}};
  for (const auto& [segment, repeats] : {std::pair{0, 1}, std::pair{7, 3}}) {
    for (int repeat = 0; repeat < repeats; ++repeat) {
      auto shown = v1.record(rates, 30, static_cast<std::uint64_t>(10 * segment + repeat));
      shown.movie = 2;
      shown.segment = segment;
      shown.repeat = repeat;
      recording.presentations.push_back(std::move(shown));
    }
  }
  // An electrode on which nothing crossed.
  recording.presentations.front().electrodes[1] = {{}, at::empty({0, kSnippetSamples}, at::kChar)};
  return recording;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The file with its one compressed variable unpacked, so that counts lie open to change.
std::string unpacked(const std::string& file) {
  std::string content(std::size_t{1} << 24U, '\0');
  auto length = static_cast<uLongf>(content.size());
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(content.data()), &length,
                       reinterpret_cast<const Bytef*>(file.data() + 136), file.size() - 136),
            Z_OK);
  content.resize(length);
  return file.substr(0, 128) + content;
}

TEST(Pvc1, ReadsWhatWasWritten) {
  const TemporaryFolder folder;
  const auto written = small_recording();
  write_pvc1(folder / "a.mat", written);
  const auto read = read_pvc1(folder / "a.mat");
  ASSERT_EQ(read.electrodes, 3);
  ASSERT_EQ(read.presentations.size(), written.presentations.size());
  for (std::size_t i = 0; i < read.presentations.size(); ++i) {
    const auto &one = written.presentations[i], &other = read.presentations[i];
    EXPECT_EQ(one.movie, other.movie);
    EXPECT_EQ(one.segment, other.segment);
    EXPECT_EQ(one.repeat, other.repeat);
    for (std::size_t electrode = 0; electrode < 3; ++electrode) {
      EXPECT_EQ(one.electrodes[electrode].seconds, other.electrodes[electrode].seconds);
      EXPECT_TRUE(one.electrodes[electrode].waveforms.equal(other.electrodes[electrode].waveforms));
    }
  }
}

TEST(Pvc1, SciPyReadsWhatWeWrite) {
  const auto python = python_with("scipy.io");
  if (!python) GTEST_SKIP() << "SKIPPED: no scipy in the Python environment";
  const TemporaryFolder folder;
  const auto recording = small_recording();
  write_pvc1(folder / "a.mat", recording);
  const auto& shown = recording.presentations.back();
  const auto done = run_command(
      {*python, "-c",
       "import scipy.io, sys\n"
       "a = scipy.io.loadmat(sys.argv[1], squeeze_me=False)['pepANA'][0, 0]\n"
       "c = a['listOfResults'][0, 1][0, 0]\n"
       "d = c['repeat'][0, 2][0, 0]['data'][0, 2]\n"
       "t, w = d[0, 0], d[0, 1]\n"
       "print(int(a['no_conditions'][0, 0]), c['symbols'][0, 1][0], int(c['values'][0, 1][0, 0]),"
       " int(c['noRepeats'][0, 0]), t.shape[1], w.shape[0], w.dtype, int(w[:, "
       "-1].astype(int).sum()))",
       (folder / "a.mat").string()});
  ASSERT_EQ(done.status, 0) << done.errors;
  const auto& last = shown.electrodes[2];
  EXPECT_EQ(done.output, "2 segment_id 7 3 " + std::to_string(last.seconds.size()) + " 48 int8 " +
                             std::to_string(last.waveforms[-1].sum().item<std::int64_t>()) + "\n");
}

TEST(Pvc1, FramesAnswered) {
  EXPECT_EQ(frame_answered(0.06), 0);
  EXPECT_EQ(frame_answered(0.0599), -1);
  EXPECT_EQ(frame_answered(0.06 + 1.0 / 30), 1);
  EXPECT_EQ(frame_answered(0.06 + 0.999 / 30), 0);
  for (int frame = 0; frame < 900; ++frame) {
    EXPECT_EQ(frame_answered(0.06 + frame / 30.0), frame);
  }
}

TEST(Pvc1, DamagedFilesAreRefused) {
  const TemporaryFolder folder;
  write_pvc1(folder / "a.mat", small_recording());
  const auto packed = bytes_of(folder / "a.mat");
  const auto whole = unpacked(packed);
  const auto file = folder / "b.mat";
  write_bytes(file, whole);
  EXPECT_EQ(read_pvc1(file).presentations.size(), 4U);
  for (const auto& bytes : {std::string(), packed.substr(0, 100), packed.substr(0, 4000),
                            whole.substr(0, whole.size() / 2), "GIF89a" + whole}) {
    write_bytes(file, bytes);
    EXPECT_THROW(read_pvc1(file), Error);
  }
  EXPECT_THROW(read_pvc1(folder / "none.mat"), Error);
}

/// Every count that lies is found before anything is allocated by it: an address sanitizer or a
/// limit on memory would say so. Most changes are harmless noise in the waveforms.
TEST(Pvc1, ChangedBytesNeverCrash) {
  const TemporaryFolder folder;
  write_pvc1(folder / "a.mat", small_recording());
  const auto whole = unpacked(bytes_of(folder / "a.mat"));
  RandomStream random(5);
  const auto file = folder / "b.mat";
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    auto bytes = whole;
    const auto at = 128 + random.below(i % 2 == 0 ? 1024 : bytes.size() - 132);
    const std::uint32_t word = i % 3 == 0   ? 0x7fffffffU
                               : i % 3 == 1 ? static_cast<std::uint32_t>(random.below(70000))
                                            : static_cast<std::uint32_t>(random.next());
    std::memcpy(bytes.data() + at / 4 * 4, &word, sizeof word);
    write_bytes(file, bytes);
    try {
      read_pvc1(file);
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
  EXPECT_GT(refused, 100);
}

at::Tensor plain_frame(int value) {
  return at::full({3, 24, 32}, value / 255.0, at::kFloat);
}

TEST(MovieFrames, ComeInOrderOfTheirNumbers) {
  const TemporaryFolder folder;
  const auto segment = folder / "crcns-ringach-data/movie_frames/movie001_004.images";
  fs::create_directories(segment);
  // Ten frames from 000: as text 2 would come after 10.
  for (int i = 0; i < 11; ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "movie001_004_%03d.png", i);
    write_png(segment / name, plain_frame(20 * i));
  }
  write_bytes(segment / "Thumbs.db", "not a frame");
  const auto segments = read_movie_segments(folder.path(), {{1, 4}}, 16);
  ASSERT_EQ(segments.size(), 1U);
  const auto& frames = segments.front().frames;
  ASSERT_EQ(frames.sizes(), at::IntArrayRef({11, 3, 16, 16}));
  for (int i = 0; i < 11; ++i) EXPECT_EQ(frames[i].max().item<int>(), 20 * i);
  EXPECT_EQ(read_movie_segments(folder.path(), {{1, 4}}, 16, 3).front().frames.size(0), 3);
  fs::remove(segment / "movie001_004_005.png");
  EXPECT_THROW(read_movie_segments(folder.path(), {{1, 4}}, 16), Error);
  EXPECT_THROW(read_movie_segments(folder.path(), {{1, 5}}, 16), Error);
}

}  // namespace
}  // namespace neurosplat::testing
