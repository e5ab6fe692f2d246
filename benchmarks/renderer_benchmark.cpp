/// Times the renderers, the dense reference among them, in one process. Names of benchmarks are
/// read by scripts/bench_report.py:
///   group/pass/implementation/device/packet kind/batch/packets/height/width[/parts]
/// with the groups table, by-packets and by-pixels; and sgemm/1024, the matrix-product peak.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <benchmark/benchmark.h>

#include <cstdio>
#include <exception>
#include <vector>

#include "drawing.h"
#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/memory.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"

namespace neurosplat::benchmarks {
namespace {

/// Packets times pixels from which a dense pass takes seconds: timed once, warmed up by a part.
constexpr std::int64_t kSlow = std::int64_t{1} << 28;

const std::vector<Shape> kTable = {{4, 256, 64, 64},   {4, 512, 128, 128}, {4, 1024, 256, 256},
                                   {1, 256, 64, 64},   {1, 512, 128, 128}, {1, 4096, 512, 512},
                                   {1, 8192, 512, 768}};

std::vector<Implementation> implementations() {
  return {{"matrix", RendererKind::matrix, at::kCPU}, {"dense", RendererKind::dense, at::kCPU}};
}

/// Packets by kind: drawn anew for each shape, or those of a file where its N is the shape's.
struct PacketSet {
  std::string kind;
  at::Tensor given;  // undefined: random

  bool serves(const Shape& shape) const {
    return !given.defined() || given.size(1) == shape.packets;
  }
  at::Tensor packets(const Shape& shape, const at::Device& device) const {
    if (!given.defined()) return random_packets(shape, device);
    const auto rows = at::arange(shape.batch).remainder(given.size(0));
    return given.index_select(0, rows).to(device);
  }
};

PacketSet packets_of_file(const std::string& path) {
  const auto file = read_safetensors(path);
  const auto found = file.tensors.find("packets");
  if (found == file.tensors.end() || found->second.dim() != 3 || found->second.size(2) != 11 ||
      found->second.scalar_type() != at::kFloat) {
    throw UsageError(text(path, ": expected a float32 tensor 'packets' [B, N, 11]"));
  }
  return {"trained", found->second};
}

using Pass = void (*)(const Implementation&, const at::Tensor&, const Shape&);

/// What first passes pay, pages and lazily loaded code, is not counted.
void warm_up(Pass pass, const Implementation& implementation, const at::Tensor& packets,
             Shape shape, bool slow) {
  if (slow) {
    shape.packets = 128;
    pass(implementation, packets.narrow(1, 0, shape.packets).contiguous(), shape);
  } else {
    for (int i = 0; i < 3; ++i) pass(implementation, packets, shape);
  }
}

void add(const std::string& group, const char* pass_name, Pass pass,
         const Implementation& implementation, const PacketSet& set, const Shape& shape) {
  const bool slow = implementation.kind == RendererKind::dense &&
                    shape.batch * shape.packets * shape.height * shape.width >= kSlow;
  const bool parts = pass == draw_and_go_back && goes_in_parts(implementation, shape);
  const auto name = text(group, '/', pass_name, '/', implementation.name, '/',
                         implementation.device.str(), '/', set.kind, '/', shape.batch, '/',
                         shape.packets, '/', shape.height, '/', shape.width, parts ? "/parts" : "");
  auto* added = benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    const auto packets = set.packets(shape, implementation.device);
    warm_up(pass, implementation, packets, shape, slow);
    for (auto _ : state) pass(implementation, packets, shape);
  });
  added->Unit(benchmark::kMillisecond)->UseRealTime();
  if (slow) added->Iterations(1)->Repetitions(1);
}

void add_passes(const std::string& group, const Implementation& implementation,
                const PacketSet& set, const Shape& shape) {
  add(group, "forward", draw, implementation, set, shape);
  add(group, "forward_backward", draw_and_go_back, implementation, set, shape);
}

void add_scaling(const Implementation& implementation, const PacketSet& set) {
  const bool dense = implementation.kind == RendererKind::dense;
  for (std::int64_t packets = 64; packets <= (dense ? 1024 : 8192); packets *= 2) {
    add_passes("by-packets", implementation, set, {1, packets, 128, 128});
  }
  for (std::int64_t side = 32; side <= (dense ? 256 : 512); side *= 2) {
    add_passes("by-pixels", implementation, set, {1, 512, side, side});
  }
}

void sgemm(benchmark::State& state) {
  constexpr std::int64_t kSide = 1024;
  const at::NoGradGuard no_gradient;
  const auto left = at::rand({kSide, kSide}), right = at::rand({kSide, kSide});
  auto product = at::mm(left, right);
  for (int i = 0; i < 5; ++i) at::mm_out(product, left, right);
  for (auto _ : state) at::mm_out(product, left, right);
}

void run(int argc, char** argv) {
  std::vector<PacketSet> sets = {{"random", {}}};
  for (int i = 1; i < argc; ++i) sets.push_back(packets_of_file(argv[i]));
  benchmark::RegisterBenchmark("sgemm/1024", sgemm)->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const auto& implementation : implementations()) {
    for (const auto& set : sets) {
      for (const auto& shape : kTable) {
        if (set.serves(shape)) add_passes("table", implementation, set, shape);
      }
    }
    add_scaling(implementation, sets.front());
  }
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace
}  // namespace neurosplat::benchmarks

int main(int argc, char** argv) {
  neurosplat::keep_freed_memory();
  benchmark::Initialize(&argc, argv);
  neurosplat::use_threads(0);
  try {
    neurosplat::benchmarks::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "renderer_benchmark: %s\n", error.what());
    return dynamic_cast<const neurosplat::UsageError*>(&error) != nullptr ? 2 : 1;
  }
  return 0;
}
