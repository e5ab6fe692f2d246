#include "data/tolerant_reader.h"

#include <cstring>
#include <optional>
#include <utility>

#include "data/parallel_over.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

void warn_of(const std::string& message) {
  log::warn("skipping a picture: " + message);
}

}  // namespace

TolerantReader::TolerantReader(std::shared_ptr<const PictureSource> source, std::int64_t side)
    : source_(std::move(source)), side_(side), size_(source_->size()) {
  if (size_ < 1) throw Error("expected a source with pictures, it has none");
}

void TolerantReader::read(std::int64_t index, std::uint8_t* planes) {
  // Ends: note_fault throws long before every picture is faulty.
  for (;; index = (index + 1) % size_) {
    if (is_faulty(index)) continue;
    try {
      source_->decode(index, side_, planes);
      return;
    } catch (const Error& error) {
      note_fault(index, error.what());
    }
  }
}

void TolerantReader::read_all(int workers, std::uint8_t* planes) {
  const auto place = [&](std::int64_t index) {
    return planes + static_cast<std::size_t>(index) * bytes();
  };
  std::vector<std::optional<std::string>> messages(static_cast<std::size_t>(size_));
  parallel_over(size_, workers, [&](std::int64_t index) {
    try {
      source_->decode(index, side_, place(index));
    } catch (const Error& error) {
      messages[static_cast<std::size_t>(index)] = error.what();
    }
  });
  for (std::int64_t index = 0; index < size_; ++index)
    if (const auto& message = messages[static_cast<std::size_t>(index)])
      faults_.emplace(index, *message);
  if (too_many()) throw Error(complaint());
  for (const auto& [index, message] : faults_) {
    warn_of(message);
    auto next = (index + 1) % size_;
    while (faults_.contains(next)) next = (next + 1) % size_;
    std::memcpy(place(index), place(next), bytes());
  }
}

std::vector<std::int64_t> TolerantReader::readable() const {
  std::vector<std::int64_t> indices;
  for (std::int64_t index = 0; index < size_; ++index)
    if (!is_faulty(index)) indices.push_back(index);
  return indices;
}

bool TolerantReader::is_faulty(std::int64_t index) const {
  const std::lock_guard lock(mutex_);
  return faults_.contains(index);
}

void TolerantReader::note_fault(std::int64_t index, const std::string& message) {
  const std::lock_guard lock(mutex_);
  if (!faults_.emplace(index, message).second) return;
  if (too_many()) throw Error(complaint());
  warn_of(message);
}

std::string TolerantReader::complaint() const {
  return text(faults_.size(), " of ", size_,
              " pictures could not be read (1 % allowed), first: ", faults_.begin()->second);
}

}  // namespace neurosplat
