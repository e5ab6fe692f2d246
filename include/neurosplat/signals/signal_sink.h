#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace neurosplat {

/// What a signal is, as recorders on the other side will show it.
struct SignalDescription {
  std::string name;                   ///< of the stream
  std::string type;                   ///< content type of the Lab Streaming Layer, "EEG" say
  std::vector<std::string> channels;  ///< labels
  std::string unit;                   ///< of every channel
};

/// Where samples go as they come. Not for several threads at once.
class SignalSink {
 public:
  virtual ~SignalSink() = default;
  /// samples: float32 [n, channels]; times: float64 [n], seconds on the clock of signal_clock().
  /// Throws UsageError for other shapes, Error where they cannot be taken.
  virtual void push(const at::Tensor& samples, const at::Tensor& times) = 0;
  /// What is written becomes whole. A sink that is destroyed without leaves no file.
  virtual void close() = 0;
};

/// Seconds of the machine's monotonic clock, which the Lab Streaming Layer counts in too.
double signal_clock();

/// An outlet of the Lab Streaming Layer, samples at irregular times. Its library, liblsl, is looked
/// for at run time: $NEUROSPLAT_LIBLSL, else liblsl.so.2 and liblsl.so where the system looks.
/// Throws Error where there is none.
std::unique_ptr<SignalSink> open_lsl_outlet(const SignalDescription& signal);

/// A file, whole once it is closed or not there at all. `.csv`: a line of names, time_s and the
/// channels', then a line for each sample; `.npy`: float64 [samples, 1 + channels] in the same
/// order. Throws UsageError for another ending.
std::unique_ptr<SignalSink> open_signal_file(const std::filesystem::path& path,
                                             const SignalDescription& signal);

}  // namespace neurosplat
