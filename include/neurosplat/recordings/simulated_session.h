#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "neurosplat/recordings/nwb_writer.h"

/// A simulated session on Neuropixels probes: pictures shown to a mouse, six visual areas, and the
/// truth behind every spike. Our model, no published one: energies of Gabors, an exponential
/// nonlinearity, Poisson spikes whose rates a slow drift of each unit and a gain that all share
/// modulate.
namespace neurosplat {

/// Areas of mouse visual cortex; receptive fields grow and signal over noise falls from the first
/// to the last.
inline constexpr std::array<const char*, 6> kVisualAreas = {"VISp",  "VISl",  "VISrl",
                                                            "VISal", "VISpm", "VISam"};

struct SimulatedSessionOptions {
  std::int64_t units = 40;  ///< good ones in each area
  std::int64_t bad_units =
      30;  ///< that quality filters must remove: each fails one rule of UnitFilter
  std::int64_t repeats = 50;  ///< blocks, each picture once in each, in random order
  std::int64_t blanks = 50;
  double presentation = 0.2502;  ///< seconds, back to back
  double latency = 0.05;         ///< seconds from onset to response
  double spontaneous = 30;       ///< seconds before the first presentation
  double correlation = 0.1;      ///< of two units' counts to the same picture
  double drift = 0.1;            ///< amplitude of the slow gain
  std::uint64_t seed = 0;
};

/// Throws UsageError.
void check(const SimulatedSessionOptions& options);

class SimulatedSession {
 public:
  /// pictures: uint8 [P, 3, S, S], P from 2 on.
  SimulatedSession(const at::Tensor& pictures, const SimulatedSessionOptions& options);

  /// Tables as a file has them. One unit, the last but one of the table, is empty.
  const NwbSession& session() const { return session_; }
  const NwbPresentations& presentations() const { return session_.presentations.front(); }
  const std::vector<std::string>& areas() const { return areas_; }  ///< of each unit
  /// Rows of the units that UnitFilter's defaults keep: options.units in each area.
  const std::vector<std::size_t>& good() const { return good_; }
  /// Hz of each unit for each picture before the gains, whose means are 1: float64 [P, U].
  const at::Tensor& rates() const { return rates_; }
  /// Expected counts in a window of that many seconds from the latency on, float64 [P, U].
  at::Tensor mean_counts(double seconds) const;
  /// The unit's spikes, rising, drawn anew at each call and always the same.
  std::vector<double> spike_times(std::size_t unit) const;

  /// What no decoder of these units can exceed when it tells which of the P pictures was shown from
  /// `repeats` presentations of it: the share that the best one gets right that knows all rates
  /// and, at each presentation, the gains (Poisson given those). Monte Carlo over `draws` pictures.
  double identification_bound(std::span<const std::size_t> units, std::int64_t repeats,
                              double seconds, std::int64_t draws, std::uint64_t seed) const;

  void write(const std::filesystem::path& file) const;

 private:
  double drift_of(std::size_t unit, double seconds) const;

  SimulatedSessionOptions options_;
  NwbSession session_;
  std::vector<std::string> areas_;
  std::vector<std::size_t> good_;
  std::vector<double> base_;  // Hz of each unit without a picture
  std::vector<double> gain_;  // of each presentation, shared by all units, standard normal
  at::Tensor rates_;
};

}  // namespace neurosplat
