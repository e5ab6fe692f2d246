#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "neurosplat/signals/signal_sink.h"
#include "signals/signal_checks.h"

namespace neurosplat {
namespace {

// liblsl's C interface, as far as an outlet needs it (lsl/streaminfo.h, lsl/outlet.h, lsl/xml.h);
// its handles are opaque.
using Handle = void*;
constexpr std::int32_t kFloat32 = 1;
constexpr double kIrregular = 0;
constexpr std::int32_t kBufferSeconds = 60;

class Library {
 public:
  Library() {
    const char* named = std::getenv("NEUROSPLAT_LIBLSL");
    const bool chosen = named != nullptr && *named != '\0';
    library_ = ::dlopen(chosen ? named : "liblsl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr && !chosen) library_ = ::dlopen("liblsl.so", RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) {
      throw Error(text("expected the Lab Streaming Layer's library, liblsl, found none",
                       chosen ? text(" at ", named) : std::string(),
                       ": name it in NEUROSPLAT_LIBLSL (the Python package pylsl has one), or "
                       "record to a file instead"));
    }
    find("lsl_create_streaminfo", create_info);
    find("lsl_destroy_streaminfo", destroy_info);
    find("lsl_get_desc", description);
    find("lsl_append_child", append_child);
    find("lsl_append_child_value", append_value);
    find("lsl_create_outlet", create_outlet);
    find("lsl_destroy_outlet", destroy_outlet);
    find("lsl_push_chunk_ftnp", push_chunk);
  }

  Handle (*create_info)(const char*, const char*, std::int32_t, double, std::int32_t,
                        const char*) = nullptr;
  void (*destroy_info)(Handle) = nullptr;
  Handle (*description)(Handle) = nullptr;
  Handle (*append_child)(Handle, const char*) = nullptr;
  Handle (*append_value)(Handle, const char*, const char*) = nullptr;
  Handle (*create_outlet)(Handle, std::int32_t, std::int32_t) = nullptr;
  void (*destroy_outlet)(Handle) = nullptr;
  std::int32_t (*push_chunk)(Handle, const float*, unsigned long, const double*,
                             std::int32_t) = nullptr;

 private:
  template <class Function>
  void find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    if (function == nullptr) throw Error(text("liblsl: expected ", name, ", it has none"));
  }

  // Never closed: its threads may outlive an outlet.
  void* library_ = nullptr;
};

/// Opened when it is first needed; a failure is tried again.
const Library& library() {
  static const Library opened;
  return opened;
}

class LslOutlet : public SignalSink {
 public:
  explicit LslOutlet(const SignalDescription& signal)
      : library_(library()), channels_(signal.channels.size()) {
    // Receivers find a stream that went away by its source; a second program is another.
    const auto source = text("neurosplat ", signal.name, ' ', ::getpid());
    info_ = library_.create_info(signal.name.c_str(), signal.type.c_str(),
                                 static_cast<std::int32_t>(channels_), kIrregular, kFloat32,
                                 source.c_str());
    if (info_ == nullptr) throw Error("liblsl: the stream's description cannot be made");
    const auto labels = library_.append_child(library_.description(info_), "channels");
    for (const auto& name : signal.channels) {
      const auto channel = library_.append_child(labels, "channel");
      library_.append_value(channel, "label", name.c_str());
      library_.append_value(channel, "unit", signal.unit.c_str());
      library_.append_value(channel, "type", signal.type.c_str());
    }
    outlet_ = library_.create_outlet(info_, 0, kBufferSeconds);
    if (outlet_ == nullptr) {
      library_.destroy_info(info_);
      throw Error("liblsl: the outlet cannot be opened");
    }
  }
  ~LslOutlet() override {
    library_.destroy_outlet(outlet_);
    library_.destroy_info(info_);
  }
  LslOutlet(const LslOutlet&) = delete;
  LslOutlet& operator=(const LslOutlet&) = delete;

  void push(const at::Tensor& samples, const at::Tensor& times) override {
    check_samples(samples, times, channels_);
    if (samples.size(0) == 0) return;
    const auto rows = samples.contiguous();
    const auto stamps = times.contiguous();
    const auto failed = library_.push_chunk(outlet_, rows.const_data_ptr<float>(),
                                            static_cast<unsigned long>(rows.numel()),
                                            stamps.const_data_ptr<double>(), /*pushthrough=*/1);
    if (failed != 0) throw Error(text("liblsl: a chunk was not taken, error ", failed));
  }
  void close() override {}

 private:
  const Library& library_;
  std::size_t channels_;
  Handle info_ = nullptr, outlet_ = nullptr;
};

}  // namespace

double signal_clock() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

std::unique_ptr<SignalSink> open_lsl_outlet(const SignalDescription& signal) {
  return std::make_unique<LslOutlet>(signal);
}

}  // namespace neurosplat
