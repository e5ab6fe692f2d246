#include "neurosplat/processes/process_group.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "neurosplat/core/text.h"
#include "processes/backend.h"

namespace neurosplat::processes {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Large enough that a round trip is little beside it, small enough that the next one is packed
/// while it travels.
constexpr std::int64_t kBucketBytes = 4 << 20;

struct Group {
  Place place;
  std::unique_ptr<Backend> backend;
  Traffic traffic;
};

Group& group() {
  static Group instance;
  return instance;
}

/// Counts what a collective call costs.
class Toll {
 public:
  explicit Toll(std::int64_t bytes) : begin_(std::chrono::steady_clock::now()) {
    group().traffic.bytes += bytes;
  }
  ~Toll() {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin_;
    group().traffic.seconds += spent.count();
  }
  Toll(const Toll&) = delete;
  Toll& operator=(const Toll&) = delete;

 private:
  std::chrono::steady_clock::time_point begin_;
};

std::int64_t bytes_of(const at::Tensor& tensor) {
  return static_cast<std::int64_t>(tensor.nbytes());
}

struct Mean : torch::autograd::Function<Mean> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& tensor) {
    auto result = tensor.clone(at::MemoryFormat::Contiguous);
    average({result});
    return result;
  }
  static variable_list backward(AutogradContext*, const variable_list& gradients) {
    auto result = gradients[0].clone(at::MemoryFormat::Contiguous);
    average({result});
    return {result};
  }
};

struct AllRows : torch::autograd::Function<AllRows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows) {
    context->saved_data["rows"] = rows.size(0);
    const Toll toll(bytes_of(rows));
    return group().backend->all_rows(rows);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto rows = context->saved_data["rows"].toInt();
    auto result = gradients[0].clone(at::MemoryFormat::Contiguous);
    average({result});
    return {result.narrow(0, place().rank * rows, rows) * static_cast<double>(count())};
  }
};

}  // namespace

const Place& place() {
  return group().place;
}

const Traffic& traffic() {
  return group().traffic;
}

Membership::Membership(const Place& place, std::chrono::milliseconds join_limit,
                       std::chrono::milliseconds answer_limit) {
  if (place.count == 1) return;
  group().backend = connect(place, join_limit, answer_limit);
  group().place = place;
  group().traffic = {};
}

Membership::~Membership() {
  group().place = {};
  group().backend.reset();
}

at::Device own_device(const at::Device& device) {
  if (alone() || device.is_cpu()) return device;
  const auto there = at::globalContext().getAcceleratorHooksInterface().deviceCount();
  if (place().local_rank >= there) {
    throw Error(text("device: expected a GPU for each of ", place().local_count,
                     " processes on this machine, got ", there,
                     ": start fewer with --nproc-per-node, or use --device cpu"));
  }
  return at::Device(device.type(), static_cast<c10::DeviceIndex>(place().local_rank));
}

void average(const std::vector<at::Tensor>& tensors) {
  if (alone()) return;
  const c10::NoGradGuard no_gradient;
  auto& backend = *group().backend;
  std::int64_t bytes = 0;
  for (const auto& tensor : tensors) bytes += bytes_of(tensor);
  const Toll toll(bytes);
  struct Bucket {
    std::size_t first, end;
    at::Tensor numbers;
  };
  std::vector<Bucket> buckets;
  for (std::size_t i = 0; i < tensors.size();) {
    Bucket bucket{i, i, {}};
    std::vector<at::Tensor> parts;
    for (std::int64_t size = 0; i < tensors.size() && (parts.empty() || size < kBucketBytes); ++i) {
      size += bytes_of(tensors[i]);
      parts.push_back(tensors[i].reshape({-1}));
    }
    bucket.end = i;
    bucket.numbers = at::cat(parts);
    backend.start_sum(bucket.numbers);
    buckets.push_back(std::move(bucket));
  }
  backend.finish();
  for (const auto& [first, end, numbers] : buckets) {
    numbers.div_(static_cast<double>(count()));
    std::int64_t at = 0;
    for (std::size_t i = first; i < end; at += tensors[i++].numel()) {
      tensors[i].copy_(numbers.narrow(0, at, tensors[i].numel()).view(tensors[i].sizes()));
    }
  }
}

at::Tensor largest(const at::Tensor& tensor) {
  if (alone()) return tensor;
  auto result = tensor.clone(at::MemoryFormat::Contiguous);
  const Toll toll(bytes_of(result));
  group().backend->largest(result);
  return result;
}

std::string from_first(const std::string& given) {
  if (alone()) return given;
  const Toll toll(std::ssize(given));
  return group().backend->from_first(given);
}

at::Tensor mean(const at::Tensor& tensor) {
  return alone() ? tensor : Mean::apply(tensor);
}

at::Tensor all_rows(const at::Tensor& rows) {
  return alone() ? rows : AllRows::apply(rows);
}

bool remembers(const std::string& word) {
  return !alone() && group().backend->remembers(word);
}

void remember(const std::string& word) {
  if (!alone()) group().backend->remember(word);
}

}  // namespace neurosplat::processes
