/// Times a training step, by part, and a lock. Names are read by scripts/bench_report.py:
///   training/side/packets/batch, with the seconds of each stage as counters;
///   lock/side/packets/steps.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <benchmark/benchmark.h>

#include <limits>

#include "neurosplat/core/device.h"
#include "neurosplat/core/memory.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/systems/lock/lock_solver.h"
#include "systems/splat_vae/splat_vae_update.h"

namespace neurosplat::benchmarks {
namespace {

SplatVaeConfig config_of(std::int64_t side, std::int64_t packets) {
  SplatVaeConfig config;
  config.image_size = side;
  config.num_packets = packets;
  config.beta = 1e-5;
  config.device = "cpu";
  return config;
}

at::Tensor next_batch(PictureLoader& loader, std::int64_t& epoch) {
  auto batch = loader.next();
  if (!batch) {
    loader.start_epoch(++epoch);
    batch = loader.next();
  }
  return *batch;
}

/// Steps on generated pictures, decoded once as those of a data set within --memory-gib are.
void training_step(benchmark::State& state, std::int64_t side, std::int64_t packets) {
  const auto config = config_of(side, packets);
  PictureLoader loader(
      open_pictures({.kind = DatasetKind::synthetic, .root = {}, .splits = {"train"}}),
      {.side = side, .batch = config.batch, .flip = true});
  SplatVaeUpdate update(config, at::kCPU);
  update.model().train(true);
  std::int64_t epoch = 0;
  loader.start_epoch(epoch);
  StageClock clock;
  const auto step = [&] {
    const auto batch = next_batch(loader, epoch);
    clock.mark("data");
    update.step(to_unit_range(batch, at::kCPU), config.beta, clock);
  };
  for (int i = 0; i < 2; ++i) step();
  clock = {};
  for (auto _ : state) {
    step();
    clock.mark("other");
  }
  state.SetItemsProcessed(state.iterations() * config.batch);
  for (const auto& [stage, seconds] : clock.seconds()) {
    state.counters[std::string(stage)] =
        benchmark::Counter(seconds, benchmark::Counter::kAvgIterations);
  }
}

void lock(benchmark::State& state, std::int64_t side, std::int64_t packets, std::int64_t steps) {
  const auto solver = make_lock_solver(SplatVae({.image_size = side, .packets = packets}),
                                       {.solver = "adam", .steps = steps, .learning_rate = 0.2});
  constexpr double kNoBudget = std::numeric_limits<double>::infinity();
  const auto picture = at::rand({3, side, side}, at::detail::createCPUGenerator(2), at::kFloat);
  for (int i = 0; i < 3; ++i) solver->follow(picture, kNoBudget);
  for (auto _ : state) benchmark::DoNotOptimize(solver->follow(picture, kNoBudget));
}

void add_training(std::int64_t side, std::int64_t packets) {
  const auto name = text("training/", side, '/', packets, "/64");
  benchmark::RegisterBenchmark(name.c_str(), training_step, side, packets)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

}  // namespace
}  // namespace neurosplat::benchmarks

int main(int argc, char** argv) {
  namespace own = neurosplat::benchmarks;
  neurosplat::keep_freed_memory();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  neurosplat::use_threads(0);
  own::add_training(64, 256);
  own::add_training(128, 512);
  benchmark::RegisterBenchmark("lock/128/512/5", own::lock, 128, 512, 5)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
