#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace neurosplat {

/// Events as TensorBoard reads them (TFRecord of protobuf messages `Event`, version
/// brain.Event:2): numbers and pictures over the steps of a run. Written record by record, each in
/// one go: a process that is killed leaves at most half a record at the end, which readers pass
/// over. A file that is being watched cannot appear whole or not at all.
class EventFile {
 public:
  /// Makes events.out.tfevents.SECONDS.HOST.PROCESS.neurosplat in `folder`, with SECONDS after
  /// those of every such file that is there, so that readers see them in the order in which they
  /// were written. Throws Error when it cannot be written.
  explicit EventFile(const std::filesystem::path& folder);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Tells readers to drop what earlier files of the folder say of `step` and later ones.
  void restart_at(std::int64_t step);
  /// Numbers by tag at a step; kept as float32, NaN and infinities too.
  void add(std::int64_t step, const std::vector<std::pair<std::string, double>>& scalars);
  /// A picture at a step: the bytes of a PNG, JPEG, BMP or WebP file. Throws Error when they are
  /// none.
  void add_picture(std::int64_t step, const std::string& tag, std::string_view picture);

 private:
  void write_event(const std::string& fields);

  std::filesystem::path path_;
  int file_ = -1;
};

/// Whether a file's name is one that an EventFile makes.
bool is_event_file(std::string_view name);

}  // namespace neurosplat
