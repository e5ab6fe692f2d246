// A NumPy file. What was read as a table of float64 is written and reads the same.
#include "neurosplat/io/npy_file.h"

#include "fuzz/readers.h"
#include "fuzz/readers/same_tensors.h"
#include "fuzz/scratch_file.h"

namespace neurosplat::fuzz {

void npy(Bytes bytes) {
  const ScratchFile file(bytes);
  const auto numbers = read_npy(file.path());
  expect(numbers.is_contiguous() && numbers.is_cpu(), "an array that is not one piece");
  if (numbers.scalar_type() != at::kDouble || numbers.dim() != 2) return;
  const auto again = scratch_folder() / "again.npy";
  GrowingNpy out(again, numbers.size(1));
  out.append(numbers);
  out.commit();
  expect(same(read_npy(again), numbers), "an array written again reads otherwise");
}

}  // namespace neurosplat::fuzz
