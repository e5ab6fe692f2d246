// Tables of numbers, as counts and as pictures of trials.
#include <string_view>

#include "fuzz/readers.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/core/error.h"
#include "neurosplat/recordings/picture_responses.h"

namespace neurosplat::fuzz {

void number_table(Bytes bytes) {
  const ScratchFile file(bytes, "case.csv");
  bool read = false;
  try {
    read = !read_trial_pictures(file.path()).empty();
  } catch (const Error&) {
    // Counts, most likely.
  }
  try {
    const auto counts = read_counts(file.path());
    expect(counts.scalar_type() == at::kInt && counts.numel() > 0, "counts that are none");
  } catch (const Error& error) {
    expect(std::string_view(error.what()).find('\n') == std::string_view::npos, "two lines");
    if (!read) throw;
  }
}

}  // namespace neurosplat::fuzz
