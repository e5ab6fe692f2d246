#include "neurosplat/signals/signal_options.h"

#include <utility>

namespace neurosplat {
namespace {

class SeveralSinks : public SignalSink {
 public:
  explicit SeveralSinks(std::vector<std::unique_ptr<SignalSink>> sinks)
      : sinks_(std::move(sinks)) {}

  void push(const at::Tensor& samples, const at::Tensor& times) override {
    for (const auto& sink : sinks_) sink->push(samples, times);
  }
  void close() override {
    for (const auto& sink : sinks_) sink->close();
  }

 private:
  std::vector<std::unique_ptr<SignalSink>> sinks_;
};

}  // namespace

std::unique_ptr<SignalSink> open_signal(const SignalOptions& options,
                                        const SignalDescription& signal) {
  std::vector<std::unique_ptr<SignalSink>> sinks;
  if (!options.record.empty()) sinks.push_back(open_signal_file(options.record, signal));
  if (options.lsl) sinks.push_back(open_lsl_outlet(signal));
  if (sinks.empty()) return nullptr;
  return std::make_unique<SeveralSinks>(std::move(sinks));
}

}  // namespace neurosplat
