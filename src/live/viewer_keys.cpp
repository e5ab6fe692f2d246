#include "neurosplat/live/viewer_keys.h"

#include <cstdio>
#include <system_error>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat::apps {
namespace {

constexpr int kEscape = 27, kMostSnapshots = 999;

}  // namespace

const char* const kViewerKeys =
    "keys: q or Esc quit, space pause, s snapshot, 1 lock, 2 agreement, 3 saccade, 4 temporal, "
    "r reset what is remembered, h this list";

void ViewerKeys::press(int key, const at::Tensor& picture) {
  switch (key < 0 ? key : key & 0xff) {
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
    case '1':
    case '2':
    case '3':
    case '4':
      mode_ = static_cast<Mode>((key & 0xff) - '1');
      return;
    case 's':
      return keep(picture);
    case 'h':
      return log::info(kViewerKeys);
    default:
      return;
  }
}

bool ViewerKeys::take_reset() {
  return std::exchange(reset_, false);
}

std::optional<Mode> ViewerKeys::take_mode() {
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

}  // namespace neurosplat::apps
