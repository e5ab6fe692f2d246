#pragma once

#include <string>

#include "neurosplat/live/live_loop.h"
#include "neurosplat/systems/cortex/agreement_cortex.h"
#include "neurosplat/systems/cortex/expectation.h"
#include "neurosplat/systems/cortex/saccade_cortex.h"

namespace neurosplat {

inline constexpr std::int64_t kCortexSize = 256;  ///< pixels a side that the gate works at

/// An agreement cortex on the grey centre squares of frames, 256x256. Four labelled panels: retina,
/// the expectation, the percept with a ring at each fixation, surprise over its maximum in magma.
/// Keeps what the cortex and the expectation remember.
class LiveAgreement {
 public:
  /// The expectation is called `word` on the third panel ("percept = gist + agreement") and
  /// `label` on its own ("gist (theta)").
  LiveAgreement(const CortexSettings& settings, Expectation expectation, std::string word,
                std::string label);

  SeenFrame see(const Frame& frame);
  /// Forgets what it agreed on and where it looked; the expectation keeps its memory.
  void reset() { cortex_.reset(); }
  /// The fixations of the last frame.
  const std::vector<Fixation>& fixations() const { return fixations_; }

 private:
  AgreementCortex cortex_;
  Expectation expectation_;
  std::string word_, label_;
  std::vector<Fixation> fixations_;
};

/// expected_psnr_db, percept_psnr_db, surprise (mean).
std::vector<LiveColumn> agreement_columns();

/// Retina, prior and percept with the scan path, each doubled, labelled.
SeenFrame see_saccades(const SaccadeCortex& cortex, const Frame& frame);

/// prior_psnr_db, percept_psnr_db.
std::vector<LiveColumn> saccade_columns();

}  // namespace neurosplat
