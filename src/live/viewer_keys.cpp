#include "neurosplat/live/viewer_keys.h"

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

constexpr int kEscape = 27, kMostSnapshots = 999;
constexpr std::size_t kMostModes = 9;  // one digit each

}  // namespace

std::string ViewerKeys::list() const {
  std::string keys = "keys: q or Esc quit, space pause, s snapshot, ";
  for (std::size_t i = 0; i < std::min(modes_.size(), kMostModes); ++i) {
    keys += text(i + 1, ' ', modes_[i], ", ");
  }
  return keys + "r reset what is remembered, h this list";
}

void ViewerKeys::press(int key, const at::Tensor& picture) {
  const int letter = key < 0 ? key : key & 0xff;
  if (letter >= '1' && letter < '1' + static_cast<int>(std::min(modes_.size(), kMostModes))) {
    mode_ = static_cast<std::size_t>(letter - '1');
    return;
  }
  switch (letter) {
    case 'q':
    case kEscape:
      quit_ = true;
      return;
    case ' ':
      paused_ = !paused_;
      return;
    case 'r':
      reset_ = true;
      return;
    case 's':
      return keep(picture);
    case 'h':
      return log::info(list());
    default:
      return;
  }
}

bool ViewerKeys::take_reset() {
  return std::exchange(reset_, false);
}

std::optional<std::size_t> ViewerKeys::take_mode() {
  return std::exchange(mode_, std::nullopt);
}

/// A snapshot that cannot be written is no reason to stop watching.
void ViewerKeys::keep(const at::Tensor& picture) const {
  try {
    for (int number = 1; number <= kMostSnapshots; ++number) {
      char name[32];
      std::snprintf(name, sizeof name, "neurosplat_%03d.png", number);
      std::error_code ignored;
      if (std::filesystem::exists(folder_ / name, ignored)) continue;
      write_png(folder_ / name, picture);
      return log::info(text("snapshot: ", (folder_ / name).string()));
    }
    log::warn(text("no snapshot: ", folder_.string(), " holds ", kMostSnapshots, " already"));
  } catch (const Error& error) {
    log::warn(text("no snapshot: ", error.what()));
  }
}

}  // namespace neurosplat
