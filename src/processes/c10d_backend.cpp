// Not before the macro: c10d's header is empty without it.
#define USE_C10D_GLOO 1

#include <ATen/ATen.h>
#include <c10/util/Flags.h>

#include <cstdlib>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "neurosplat/core/text.h"
#include "processes/backend.h"
#ifdef NEUROSPLAT_NCCL
#include "neurosplat/core/lazy_library.h"
#include "processes/nccl_functions.h"
#endif

C10_DECLARE_int(caffe2_log_level);

namespace neurosplat::processes {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr Milliseconds kBetweenLooks(20);

std::string first_line(const char* message) {
  const std::string whole = message;
  return whole.substr(0, whole.find('\n'));
}

std::string reason(const std::exception& error) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  return first_line(torch == nullptr ? error.what() : torch->what_without_backtrace());
}

double seconds_of(Milliseconds limit) {
  return std::chrono::duration<double>(limit).count();
}

c10::intrusive_ptr<c10d::Store> reach(const Place& place, Milliseconds limit) {
  c10d::TCPStoreOptions options;
  options.port = place.port;
  options.isServer = place.rank == 0 && !place.hosted;
  options.waitWorkers = false;
  options.timeout = limit;
  try {
    return c10::make_intrusive<c10d::TCPStore>(place.address, options);
  } catch (const std::exception& error) {
    throw Error(text("processes: expected a store at ", place.address, ':', place.port,
                     " (MASTER_ADDR, MASTER_PORT) within ", seconds_of(limit), " s, got: ",
                     reason(error), ": check the address, and that process 0 has been started"));
  }
}

/// Waits until all have said that they are there.
void await_all(c10d::Store& store, const Place& place, Milliseconds limit) {
  const auto until = Clock::now() + limit;
  auto come = store.add("joined", 1);
  while (come < place.count) {
    if (Clock::now() > until) {
      throw Error(text("processes: expected ", place.count, " (WORLD_SIZE) to come within ",
                       seconds_of(limit), " s, got ", come,
                       ": start as many, all with the same WORLD_SIZE"));
    }
    std::this_thread::sleep_for(kBetweenLooks);
    come = store.add("joined", 0);
  }
  if (come > place.count) {
    throw Error(text("processes: expected ", place.count, " (WORLD_SIZE), got ", come,
                     ": start as many, all with the same WORLD_SIZE"));
  }
}

std::shared_ptr<gloo::transport::Device> interface_for(const Place& place) {
  using Gloo = c10d::ProcessGroupGloo;
  const char* named = std::getenv("GLOO_SOCKET_IFNAME");
  if (named != nullptr && *named != '\0') return Gloo::createDeviceForInterface(named);
  return place.local_count == place.count ? Gloo::createDeviceForHostname("127.0.0.1")
                                          : Gloo::createDefaultDevice();
}

class C10dBackend : public Backend {
 public:
  C10dBackend(const Place& place, Milliseconds join_limit, Milliseconds answer_limit)
      : place_(place), answer_limit_(answer_limit), shared_(reach(place, join_limit)) {
    store_ = c10::make_intrusive<c10d::PrefixStore>(text("neurosplat/", place.restarts), shared_);
    guarded("join", [&] { await_all(*store_, place, join_limit); });
    guarded("join", [&] {
      auto options = c10d::ProcessGroupGloo::Options::create(join_limit);
      options->devices.push_back(interface_for(place));
      gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, static_cast<int>(place.rank),
                                                          static_cast<int>(place.count), options);
      gloo_->setTimeout(answer_limit);
    });
    store_->setTimeout(answer_limit);
  }

  void start_sum(const at::Tensor& tensor) override {
    guarded("add up", [&] {
      std::vector<at::Tensor> one = {tensor};
      running_.push_back(of(tensor).allreduce(one));
    });
  }
  void finish() override {
    guarded("add up", [&] {
      for (const auto& work : running_) work->wait();
    });
    running_.clear();
  }
  void largest(const at::Tensor& tensor) override {
    guarded("compare", [&] {
      std::vector<at::Tensor> one = {tensor};
      c10d::AllreduceOptions options;
      options.reduceOp = c10d::ReduceOp::MAX;
      of(tensor).allreduce(one, options)->wait();
    });
  }
  at::Tensor all_rows(const at::Tensor& rows) override {
    auto sizes = rows.sizes().vec();
    sizes.front() *= place_.count;
    auto all = at::empty(sizes, rows.options());
    guarded("gather", [&] {
      auto own = rows.contiguous();
      of(rows)._allgather_base(all, own)->wait();
    });
    return all;
  }
  std::string from_first(const std::string& given) override {
    const auto key = text("said/", said_++);
    std::string said = given;
    guarded("tell", [&] {
      if (place_.rank == 0) {
        store_->set(key, given);
      } else {
        const auto bytes = store_->get(key);
        said.assign(bytes.begin(), bytes.end());
      }
    });
    return said;
  }
  bool remembers(const std::string& word) override {
    bool known = false;
    guarded("ask", [&] { known = place_.hosted && shared_->check({memory_of(word)}); });
    return known;
  }
  void remember(const std::string& word) override {
    guarded("remember", [&] { shared_->set(memory_of(word), "yes"); });
  }

 private:
  static std::string memory_of(const std::string& word) { return "neurosplat/memory/" + word; }

  c10d::Backend& of(const at::Tensor& tensor) {
    if (tensor.is_cpu()) return *gloo_;
#ifdef NEUROSPLAT_NCCL
    if (!nccl_) {
      nccl_ = lazy_functions<NcclFunctions>("nccl").connect(
          c10::make_intrusive<c10d::PrefixStore>("nccl", store_), static_cast<int>(place_.rank),
          static_cast<int>(place_.count), answer_limit_);
    }
    return *nccl_;
#else
    throw Error(text("processes: expected tensors on the CPU, got one on ", tensor.device(),
                     ": this build has no NCCL; use --device cpu"));
#endif
  }
  template <class Work>
  void guarded(const char* what, const Work& work) {
    try {
      work();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      running_.clear();
      throw Lost(text("processes: expected all ", place_.count, " to ", what, ", process ",
                      place_.rank, " got: ", reason(error),
                      ": another has ended or does not answer; see its own message"));
    }
  }

  Place place_;
  [[maybe_unused]] Milliseconds answer_limit_;      // of NCCL, where the build has it
  c10::intrusive_ptr<c10d::Store> shared_, store_;  // of all starts, of this one
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
  c10::intrusive_ptr<c10d::Backend> nccl_;  // not before there is a GPU to speak for
  std::vector<c10::intrusive_ptr<c10d::Work>> running_;
  std::int64_t said_ = 0;
};

}  // namespace

std::unique_ptr<Backend> connect(const Place& place, Milliseconds join_limit,
                                 Milliseconds answer_limit) {
  // What c10d says with a stack trace is said by us on one line.
  constexpr int kFatal = 3;
  if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = kFatal;
  return std::make_unique<C10dBackend>(place, join_limit, answer_limit);
}

}  // namespace neurosplat::processes
