// An IDX file; behind a first byte 'G', what is packed in one.
#include <string>

#include "fuzz/readers.h"
#include "fuzz/readers/deflated.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/io/idx_file.h"

namespace neurosplat::fuzz {

void idx(Bytes bytes) {
  std::vector<std::uint8_t> packed;
  if (!bytes.empty() && bytes.front() == 'G') {
    packed = deflated(bytes.subspan(1), kGzip);
    bytes = packed;
  }
  const ScratchFile file(bytes);
  const auto numbers = read_idx(file.path());
  expect(numbers.scalar_type() == at::kByte && numbers.numel() > 0, "numbers that are none");
}

}  // namespace neurosplat::fuzz
