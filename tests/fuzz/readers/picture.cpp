// A picture as it comes over a socket, decoded; a PNG with sound checksums.
#include <vector>

#include "fuzz/readers.h"
#include "fuzz/readers/repaired_png.h"
#include "neurosplat/io/picture_bytes.h"

namespace neurosplat::fuzz {

void picture(Bytes bytes) {
  constexpr std::uint64_t most_pixels = 1U << 14U;
  const auto repaired = repaired_png(bytes);
  if (!repaired.empty()) bytes = repaired;
  const auto decoded = decode_picture(as_text(bytes), most_pixels);
  expect(decoded.dim() == 3 && decoded.size(0) == 3 && decoded.scalar_type() == at::kByte,
         "a picture of another shape");
  expect(decoded.numel() > 0 && decoded.numel() <= static_cast<std::int64_t>(3 * most_pixels),
         "a picture of more pixels than asked for");
}

}  // namespace neurosplat::fuzz
