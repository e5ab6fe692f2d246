#include "live/frame_table.h"

#include <utility>

#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::size_t kBlock = 4096;

}  // namespace

FrameTable::FrameTable(const std::filesystem::path& path, std::vector<LiveColumn> columns)
    : file_(path, /*wait=*/false), columns_(std::move(columns)), waiting_("frame,latency_ms") {
  for (const auto& column : columns_) waiting_ += "," + column.name;
  waiting_ += ",dropped\n";
}

void FrameTable::add(std::int64_t frame, const SeenFrame& seen, std::int64_t dropped) {
  waiting_ += text(frame, ",", fixed(seen.latency_ms, 3));
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    waiting_ += ",";
    if (c < seen.numbers.size()) waiting_ += fixed(seen.numbers[c], columns_[c].decimals);
  }
  waiting_ += text(",", dropped, "\n");
  if (waiting_.size() >= kBlock) flush();
}

void FrameTable::commit() {
  flush();
  file_.commit();
}

void FrameTable::flush() {
  file_.write(waiting_.data(), waiting_.size());
  waiting_.clear();
}

}  // namespace neurosplat
