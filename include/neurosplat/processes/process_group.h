#pragma once

#include <ATen/core/TensorBody.h>
#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"

/// Several processes that train one model together (data parallel), each on its share of every
/// batch. They are started by torchrun or anything else that sets its environment: RANK,
/// WORLD_SIZE, MASTER_ADDR, MASTER_PORT, LOCAL_RANK and LOCAL_WORLD_SIZE. Without WORLD_SIZE a
/// process is alone, and everything here gives back what it is given.
///
/// What all must do in the same order is called collective: who leaves one out stops the others.
namespace neurosplat::processes {

/// Another process of the group has ended or does not answer.
class Lost : public Error {
 public:
  using Error::Error;
};

/// Where a process stands in its group.
struct Place {
  std::int64_t rank = 0, count = 1;
  std::int64_t local_rank = 0, local_count = 1;  ///< among those on this machine
  std::int64_t restarts = 0;  ///< how often the group was started anew (torchrun --max-restarts)
  std::string address;        ///< of the store where all meet
  std::uint16_t port = 0;
  bool hosted = false;  ///< whether what started us holds the store; else the first process does
};

/// What the environment says. Throws UsageError for variables that contradict each other.
Place place_in_environment();

/// While it lives, this process belongs to its group. One at a time.
class Membership {
 public:
  /// Collective. Waits for the others for `join_limit` at most, and in each collective call for
  /// `answer_limit`. Throws Error where the store cannot be reached or not all come in time.
  explicit Membership(const Place& place,
                      std::chrono::milliseconds join_limit = std::chrono::minutes(5),
                      std::chrono::milliseconds answer_limit = std::chrono::minutes(30));
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
};

const Place& place();
inline std::int64_t count() {
  return place().count;
}
inline bool alone() {
  return count() == 1;
}
/// The one that prints and writes.
inline bool first() {
  return place().rank == 0;
}

/// The device that this process computes on where `device` is asked for: of several GPUs its own.
/// Throws Error when there are fewer than processes on this machine.
at::Device own_device(const at::Device& device);

/// Collective. In place, the mean over the processes of each tensor: floating-point, dense, on one
/// device, the same sizes everywhere. They travel in buckets of some megabytes. All get the same
/// bits. Throws Lost.
void average(const std::vector<at::Tensor>& tensors);
/// Collective. The largest of each number over the processes.
at::Tensor largest(const at::Tensor& tensor);
/// Collective. What the first process gives, for all.
std::string from_first(const std::string& given);

/// Collective, also the backward pass. Mean over the processes, each of which goes on to a loss of
/// its own: gradients are those of the mean of these losses, times the number of processes, as
/// average() of the weights' gradients wants them.
at::Tensor mean(const at::Tensor& tensor);
/// The same for the rows (dimension 0) of all processes, as many of each; those of process r from
/// r times as many on.
at::Tensor all_rows(const at::Tensor& rows);

/// A word that the group remembers when it is started anew: false where nobody said it, and where
/// what started us keeps no store.
bool remembers(const std::string& word);
void remember(const std::string& word);

/// What collective calls have cost this process so far.
struct Traffic {
  std::int64_t bytes = 0;  ///< given to them
  double seconds = 0;      ///< spent in them, waiting for slower processes included
};
const Traffic& traffic();

}  // namespace neurosplat::processes
