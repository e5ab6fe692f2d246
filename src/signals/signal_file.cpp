#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "neurosplat/core/csv.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/npy_file.h"
#include "neurosplat/signals/signal_sink.h"
#include "signals/signal_checks.h"

namespace neurosplat {
namespace {

class CsvFile : public SignalSink {
 public:
  CsvFile(const std::filesystem::path& path, const SignalDescription& signal)
      : file_(path, /*wait=*/false), channels_(signal.channels.size()) {
    std::string line = "time_s";
    for (const auto& name : signal.channels) line += text(',', csv_field(name));
    write(line + "\n");
  }

  void push(const at::Tensor& samples, const at::Tensor& times) override {
    check_samples(samples, times, channels_);
    const auto rows = samples.contiguous();
    const auto stamps = times.contiguous();
    const auto* value = rows.const_data_ptr<float>();
    std::string lines;
    for (std::int64_t row = 0; row < rows.size(0); ++row) {
      lines += fixed(stamps.const_data_ptr<double>()[row], 6);
      for (std::size_t channel = 0; channel < channels_; ++channel) lines += text(',', *value++);
      lines += '\n';
    }
    write(lines);
  }
  void close() override { file_.commit(); }

 private:
  void write(const std::string& bytes) { file_.write(bytes.data(), bytes.size()); }

  AtomicFile file_;
  std::size_t channels_;
};

class NpyFile : public SignalSink {
 public:
  NpyFile(const std::filesystem::path& path, const SignalDescription& signal)
      : file_(path, columns(signal)), channels_(signal.channels.size()) {}

  void push(const at::Tensor& samples, const at::Tensor& times) override {
    check_samples(samples, times, channels_);
    file_.append(at::cat({times.unsqueeze(1), samples.to(at::kDouble)}, 1));
  }
  void close() override { file_.commit(); }

 private:
  static std::int64_t columns(const SignalDescription& signal) {
    return 1 + static_cast<std::int64_t>(signal.channels.size());
  }

  GrowingNpy file_;
  std::size_t channels_;
};

}  // namespace

std::unique_ptr<SignalSink> open_signal_file(const std::filesystem::path& path,
                                             const SignalDescription& signal) {
  if (path.extension() == ".csv") return std::make_unique<CsvFile>(path, signal);
  if (path.extension() == ".npy") return std::make_unique<NpyFile>(path, signal);
  throw UsageError(text("record: expected a file .csv or .npy, got ", path.string()));
}

}  // namespace neurosplat
