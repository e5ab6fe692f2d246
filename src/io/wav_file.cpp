#include "neurosplat/io/wav_file.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <sndfile.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"

namespace neurosplat {
namespace {

constexpr int kHighestRate = 768'000;
/// The lengths in the header count bytes in 32 bits.
constexpr std::int64_t kMostSamples = 1'000'000'000;

/// A file in memory for libsndfile, which goes back to write the lengths into the header.
struct MemoryFile {
  std::string bytes;
  std::size_t place = 0;
};

MemoryFile& memory(void* file) {
  return *static_cast<MemoryFile*>(file);
}

sf_count_t length_of(void* file) {
  return static_cast<sf_count_t>(memory(file).bytes.size());
}

sf_count_t seek(sf_count_t offset, int whence, void* file) {
  sf_count_t from = 0;
  if (whence == SEEK_CUR) from = static_cast<sf_count_t>(memory(file).place);
  if (whence == SEEK_END) from = length_of(file);
  if (from + offset < 0) return -1;
  memory(file).place = static_cast<std::size_t>(from + offset);
  return from + offset;
}

sf_count_t read(void* into, sf_count_t count, void* file) {
  auto& [bytes, place] = memory(file);
  if (place >= bytes.size()) return 0;
  const std::size_t taken =
      bytes.copy(static_cast<char*>(into), static_cast<std::size_t>(count), place);
  place += taken;
  return static_cast<sf_count_t>(taken);
}

sf_count_t write(const void* from, sf_count_t count, void* file) {
  auto& [bytes, place] = memory(file);
  const auto length = static_cast<std::size_t>(count);
  if (bytes.size() < place + length) bytes.resize(place + length);
  std::memcpy(bytes.data() + place, from, length);
  place += length;
  return count;
}

sf_count_t tell(void* file) {
  return static_cast<sf_count_t>(memory(file).place);
}

void check_samples(const at::Tensor& samples, int rate) {
  if (rate < 1 || rate > kHighestRate) {
    throw UsageError(text("expected 1 to ", kHighestRate, " samples a second of a WAV file, got ",
                          rate, ": choose another rate"));
  }
  if (!samples.defined() || samples.dim() != 1 || !samples.is_floating_point() ||
      samples.numel() > kMostSamples) {
    throw UsageError(text(
        "expected floating-point samples [N], at most ", kMostSamples, ", for a WAV file, got ",
        samples.defined() ? text(samples.scalar_type(), " ", samples.sizes()) : "nothing",
        ": give one channel"));
  }
  if (!(samples.abs() <= 1).all().item<bool>()) {
    throw UsageError("expected samples from -1 to 1 for a WAV file, got others: scale them down");
  }
}

std::string encoded(const at::Tensor& samples, int rate) {
  MemoryFile file;
  SF_VIRTUAL_IO functions{length_of, seek, read, write, tell};
  SF_INFO info{};
  info.samplerate = rate;
  info.channels = 1;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> sound(
      sf_open_virtual(&functions, SFM_WRITE, &info, &file), sf_close);
  if (!sound) {
    throw Error(text("expected to make a WAV file in memory, got: ", sf_strerror(nullptr),
                     ": check libsndfile"));
  }
  const auto written = sf_write_float(sound.get(), samples.const_data_ptr<float>(),
                                      static_cast<sf_count_t>(samples.numel()));
  if (written != samples.numel()) {
    throw Error(text("expected to encode ", samples.numel(), " samples as WAV, got ", written, ": ",
                     sf_strerror(sound.get())));
  }
  sound.reset();  // writes the lengths into the header
  return std::move(file.bytes);
}

}  // namespace

void write_wav(const std::filesystem::path& path, const at::Tensor& samples, int rate) {
  const c10::NoGradGuard no_grad;
  check_samples(samples, rate);
  const std::string bytes = encoded(samples.to(at::kCPU, at::kFloat).contiguous(), rate);
  write_file_atomically(path, bytes);
}

}  // namespace neurosplat
