#include "emulator.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>
#include <vector>

#include "fibers.h"
#include "matrix_product.h"
#include "renderer/packets/cuda/device.cuh"

namespace neurosplat::emulation {
namespace {

constexpr int kWarp = 32;

/// What a thread waits for. Barriers are the block's, the others the warp's.
enum class Wait { nothing, barrier, any, ballot, shuffle, product };

/// A waiting thread's question, and its answer.
struct Request {
  Wait wait = Wait::nothing;
  bool flag = false;
  std::uint32_t bits = 0;
  float value = 0;
  int mask = 0;
  FragmentLane lane{};
};

struct Machine {
  Fibers fibers;
  std::vector<Request> requests;
  std::int64_t block = 0, products = 0;
  std::mt19937_64 random{1};
};

Machine& machine() {
  static Machine instance;
  return instance;
}

Request& ask(Request request) {
  Machine& own = machine();
  Request& mine = own.requests[static_cast<std::size_t>(own.fibers.current())];
  mine = request;
  own.fibers.wait();
  return mine;
}

bool for_block(Wait wait) {
  return wait == Wait::barrier || wait == Wait::any;
}

/// Whether these threads have all ended; throws when they wait at different places.
bool have_ended(int first, int last) {
  Machine& own = machine();
  const Request& leader = own.requests[static_cast<std::size_t>(first)];
  for (int i = first; i < last; ++i) {
    const Request& other = own.requests[static_cast<std::size_t>(i)];
    if (own.fibers.ended(i) != own.fibers.ended(first) ||
        (!own.fibers.ended(i) && (other.wait != leader.wait || other.mask != leader.mask))) {
      throw std::logic_error("threads " + std::to_string(first) + " and " + std::to_string(i) +
                             " of a block wait at different places");
    }
  }
  return own.fibers.ended(first);
}

void answer_warp(Request* lanes) {
  std::uint32_t votes = 0;
  float values[kWarp];
  FragmentLane fragments[kWarp];
  for (int i = 0; i < kWarp; ++i) {
    votes |= lanes[i].flag ? 1U << i : 0U;
    values[i] = lanes[i].value;
    fragments[i] = lanes[i].lane;
  }
  if (lanes[0].wait == Wait::product) {
    multiply_fragments(fragments);
    ++machine().products;
  }
  for (int i = 0; i < kWarp; ++i) {
    lanes[i].bits = votes;
    lanes[i].value = values[i ^ (lanes[i].mask % kWarp)];
  }
}

/// Runs one warp until it has ended or waits for the block.
void run_warp(int first) {
  Machine& own = machine();
  do {
    for (int i = first; i < first + kWarp; ++i) own.fibers.resume(i);
    own.fibers.rethrow_failure();
    if (have_ended(first, first + kWarp)) return;
    Request* lanes = &own.requests[static_cast<std::size_t>(first)];
    if (for_block(lanes->wait)) return;
    answer_warp(lanes);
  } while (true);
}

void run_block(int threads, const std::function<void(int)>& body) {
  Machine& own = machine();
  own.requests.assign(static_cast<std::size_t>(threads), Request());
  own.fibers.start(threads, body);
  std::vector<int> warps;
  for (int first = 0; first < threads; first += kWarp) warps.push_back(first);
  do {
    std::shuffle(warps.begin(), warps.end(), own.random);
    for (const int first : warps) run_warp(first);
    if (have_ended(0, threads)) return;
    bool any = false;
    for (const Request& request : own.requests) any = any || request.flag;
    for (Request& request : own.requests) request.flag = any;
  } while (true);
}

}  // namespace

void run(std::int64_t blocks, int threads, std::size_t shared_bytes,
         const std::function<void(void*)>& body) {
  std::vector<std::uint64_t> shared(shared_bytes / sizeof(std::uint64_t) + 2);
  // The tiles ask for 16 bytes.
  void* start = shared.data();
  std::size_t space = shared.size() * sizeof(std::uint64_t);
  std::align(16, shared_bytes, start, space);
  const std::function<void(int)> thread_body = [&](int) { body(start); };
  for (std::int64_t block = 0; block < blocks; ++block) {
    machine().block = block;
    std::memset(shared.data(), 0xff, shared.size() * sizeof(std::uint64_t));
    run_block(threads, thread_body);
  }
}

std::int64_t matrix_products() {
  return machine().products;
}

void set_seed(std::uint64_t seed) {
  machine().random.seed(seed);
}

}  // namespace neurosplat::emulation

namespace neurosplat::packet::cuda::device {

using emulation::ask;
using emulation::machine;
using emulation::Request;
using emulation::Wait;

int thread() {
  return machine().fibers.current();
}

std::int64_t block() {
  return machine().block;
}

void synchronise() {
  ask({.wait = Wait::barrier});
}

bool any_in_block(bool mine) {
  return ask({.wait = Wait::any, .flag = mine}).flag;
}

std::uint32_t ballot(bool mine) {
  return ask({.wait = Wait::ballot, .flag = mine}).bits;
}

float shuffle_xor(float value, int mask) {
  return ask({.wait = Wait::shuffle, .value = value, .mask = mask}).value;
}

void multiply_add(float (&sum)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  ask({.wait = Wait::product, .lane = {sum, a, b}});
}

void reach_beyond_tile() {
  throw std::logic_error("a kernel reaches beyond a tile of shared memory");
}

}  // namespace neurosplat::packet::cuda::device
