#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "neurosplat/data/picture_source.h"

namespace neurosplat {

/// Reads pictures of a source, with the next readable one (in the source's order, the first after
/// the last) in the place of each that cannot be read. Warns once of each of those; more than 1 %
/// of the source is an Error. Safe to call from several threads.
class TolerantReader {
 public:
  TolerantReader(std::shared_ptr<const PictureSource> source, std::int64_t side);

  std::int64_t size() const { return size_; }
  /// Bytes of one picture.
  std::size_t bytes() const { return static_cast<std::size_t>(3 * side_ * side_); }

  void read(std::int64_t index, std::uint8_t* planes);

  /// Every picture, one after the other.
  void read_all(int workers, std::uint8_t* planes);

  /// Indices of the pictures that are not known to be unreadable.
  std::vector<std::int64_t> readable() const;

 private:
  bool is_faulty(std::int64_t index) const;
  void note_fault(std::int64_t index, const std::string& message);
  bool too_many() const { return static_cast<std::int64_t>(faults_.size()) * 100 > size_; }
  std::string complaint() const;

  std::shared_ptr<const PictureSource> source_;
  std::int64_t side_;
  std::int64_t size_;
  mutable std::mutex mutex_;
  std::map<std::int64_t, std::string> faults_;  // index and message
};

}  // namespace neurosplat
