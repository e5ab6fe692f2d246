#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/io/atomic_file.h"
#include "neurosplat/live/live_loop.h"

namespace neurosplat {

/// The CSV of a live run. Rows go to a temporary file as they come, the whole file appears with
/// `commit`.
class FrameTable {
 public:
  FrameTable(const std::filesystem::path& path, std::vector<LiveColumn> columns);
  /// Cells of a frame without numbers stay empty.
  void add(std::int64_t frame, const SeenFrame& seen, std::int64_t dropped);
  void commit();

 private:
  void flush();

  AtomicFile file_;
  std::vector<LiveColumn> columns_;
  std::string waiting_;
};

}  // namespace neurosplat
