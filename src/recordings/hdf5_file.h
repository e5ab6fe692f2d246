#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HDF5's C interface behind handles that close themselves and reads that check before they
/// allocate. Everything throws Error, one line: file, dataset, what HDF5 said.
namespace neurosplat::hdf5 {

/// An identifier of HDF5 and how to close it.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept;

  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  void reset();

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// Has HDF5 keep its own error lines to itself.
void silence();
/// The innermost of HDF5's errors in this thread, which are cleared.
std::string last_error();

/// Rows of a table (units, electrodes, presentations) that are believed at most.
inline constexpr std::uint64_t kMostRows = 1U << 24U;

/// A one-dimensional dataset of numbers or text that is open.
struct Column {
  Handle set, type;
  std::uint64_t size;
};

class File {
 public:
  explicit File(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  hid_t id() const { return file_.get(); }
  /// "FILE: dataset: what": what to throw.
  [[noreturn]] void fail(std::string_view dataset, std::string_view what) const;

  /// Whether there is such an object; a link to another file counts as none.
  bool has(const std::string& object) const;
  /// Names of the objects in a group, sorted; none where there is no group.
  std::vector<std::string> names(const std::string& group) const;
  /// Text of an attribute of an object ("/" for the file's own).
  std::optional<std::string> attribute(const std::string& object, const std::string& name) const;

  /// A scalar text.
  std::string scalar_text(const std::string& dataset) const;
  std::vector<std::string> texts(const std::string& dataset) const;
  /// Of integers or floats of any width.
  std::vector<double> numbers(const std::string& dataset) const;
  /// Of integers of any width, truth values, or floats that are whole.
  std::vector<std::int64_t> integers(const std::string& dataset) const;

  /// Opens a column of numbers whose declared size the file can hold; of any length.
  Column number_column(const std::string& dataset) const;
  void read(const Column& column, const std::string& dataset, std::uint64_t first,
            std::span<double> into) const;
  /// The numbers at these places, which rise.
  std::vector<double> read_at(const Column& column, const std::string& dataset,
                              const std::vector<hsize_t>& places) const;

 private:
  Column column(const std::string& dataset) const;
  void check_storage(const Column& column, const std::string& dataset) const;
  /// What `read` gives; its half lines become whole ones.
  template <class Read>
  auto sound(const std::string& place, const Read& read) const;
  std::vector<std::string> read_texts(hid_t set, hid_t type, std::uint64_t count,
                                      const std::string& dataset) const;

  std::filesystem::path path_;
  Handle file_;
};

}  // namespace neurosplat::hdf5
