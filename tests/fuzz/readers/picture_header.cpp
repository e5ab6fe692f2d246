// The structure of a PNG, JPEG, BMP or WebP file, as it is looked through before a decoder sees it.
// A PNG is tried with sound checksums as well, which no fuzzer guesses.
#include "io/picture_header.h"

#include <vector>

#include "fuzz/readers.h"
#include "fuzz/readers/repaired_png.h"
#include "neurosplat/core/error.h"

namespace neurosplat::fuzz {
namespace {

void look_through(const std::vector<std::uint8_t>& bytes) {
  const auto size = check_picture(bytes);
  expect(size.width > 0 && size.height > 0, "a picture without pixels");
  auto plain = bytes;
  drop_colour_profile(plain);
  const auto same = check_picture(plain);
  expect(same.width == size.width && same.height == size.height,
         "another size without the profile");
  expect(plain.size() <= bytes.size(), "longer without the profile");
}

}  // namespace

void picture_header(Bytes bytes) {
  try {
    look_through({bytes.begin(), bytes.end()});
  } catch (const Error&) {
    const auto repaired = repaired_png(bytes);
    if (repaired.empty()) throw;
    look_through(repaired);
  }
}

}  // namespace neurosplat::fuzz
