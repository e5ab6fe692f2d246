// A MATLAB 5 file, read as the splits of Flowers-102 and as a recording of pvc-1; behind a first
// byte 'C', its variables as one compressed element.
#include <array>
#include <cstring>
#include <vector>

#include "fuzz/readers.h"
#include "fuzz/readers/deflated.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/mat_integers.h"
#include "neurosplat/recordings/pvc1.h"

namespace neurosplat::fuzz {
namespace {

constexpr std::size_t kHeader = 128;

std::vector<std::uint8_t> with_packed_variables(Bytes bytes) {
  std::vector<std::uint8_t> file(bytes.begin(), bytes.begin() + kHeader);
  file.front() = 'M';
  const auto packed = deflated(bytes.subspan(kHeader), kZlib);
  const std::array<std::uint32_t, 2> tag = {15, static_cast<std::uint32_t>(packed.size())};
  file.resize(kHeader + sizeof tag);
  std::memcpy(file.data() + kHeader, tag.data(), sizeof tag);
  file.insert(file.end(), packed.begin(), packed.end());
  return file;
}

}  // namespace

void mat(Bytes bytes) {
  std::vector<std::uint8_t> packed;
  if (bytes.size() > kHeader && bytes.front() == 'C') {
    packed = with_packed_variables(bytes);
    bytes = packed;
  }
  const ScratchFile file(bytes);
  try {
    for (const auto value : read_mat_integers(file.path(), "trnid", 1, 8189, 8189)) {
      expect(value >= 1 && value <= 8189, "a number out of its range");
    }
    return;
  } catch (const Error&) {
    // Another kind of file, most likely: the other reader's turn.
  }
  const auto recording = read_pvc1(file.path());
  for (const auto& shown : recording.presentations) {
    expect(static_cast<std::int64_t>(shown.electrodes.size()) == recording.electrodes,
           "a presentation with other electrodes");
  }
}

}  // namespace neurosplat::fuzz
