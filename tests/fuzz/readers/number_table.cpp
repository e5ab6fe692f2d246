// Tables of numbers, as counts and as pictures of trials.
#include "fuzz/readers.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/core/error.h"
#include "neurosplat/recordings/picture_responses.h"

namespace neurosplat::fuzz {

void number_table(Bytes bytes) {
  const ScratchFile file(bytes, "case.csv");
  try {
    read_trial_pictures(file.path());
  } catch (const Error&) {
    // Counts, most likely.
  }
  const auto counts = read_counts(file.path());
  expect(counts.scalar_type() == at::kInt && counts.numel() > 0, "counts that are none");
}

}  // namespace neurosplat::fuzz
