#include "recordings/hdf5_file.h"

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"
#include "recordings/text_heaps.h"

namespace neurosplat::hdf5 {
namespace {

/// Deflate packs at most 1032 to 1; more says that a size is invented.
constexpr std::uint64_t kMostPacking = 2048;
/// A chunk is unpacked as a whole.
constexpr std::uint64_t kMostChunk = 1U << 29U;
constexpr std::size_t kLongestText = 1U << 16U;

herr_t keep_innermost(unsigned depth, const H5E_error2_t* error, void* into) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(into) = error->desc;
  return 0;
}

herr_t add_name(hid_t /*group*/, const char* name, const H5L_info_t* /*link*/, void* into) {
  static_cast<std::vector<std::string>*>(into)->emplace_back(name);
  return 0;
}

std::string trimmed(const char* bytes, std::size_t most) {
  std::string value(bytes, std::find(bytes, bytes + most, '\0'));
  value.erase(value.find_last_not_of(' ') + 1);
  return value;
}

}  // namespace

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = std::exchange(other.id_, H5I_INVALID_HID);
    close_ = other.close_;
  }
  return *this;
}

void Handle::reset() {
  if (id_ >= 0) close_(std::exchange(id_, H5I_INVALID_HID));
}

void silence() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string last_error() {
  std::string innermost;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &innermost);
  H5Eclear2(H5E_DEFAULT);
  return innermost.empty() ? "unknown error" : printable(innermost);
}

File::File(std::filesystem::path path) : path_(std::move(path)) {
  silence();
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path_, ignored)) {
    throw Error(text(path_.string(), ": expected an HDF5 file, found none: name an .nwb file"));
  }
  file_ = Handle(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file_) {
    throw Error(text(path_.string(), ": expected an HDF5 file, HDF5 says: ", last_error(),
                     ": copy or write it again"));
  }
}

void File::fail(std::string_view dataset, std::string_view what) const {
  throw Error(text(path_.string(), ": ", printable(dataset), ": ", what));
}

template <class Read>
auto File::sound(const std::string& place, const Read& read) const {
  try {
    return read();
  } catch (const Error& error) {
    fail(place, text("expected sound texts, got ", error.what(), ": copy or write it again"));
  }
}

bool File::has(const std::string& object) const {
  // Each part in turn: HDF5 takes a missing group on the way for an error.
  for (std::size_t end = 1; end != std::string::npos && object.size() > 1;) {
    end = object.find('/', end + 1);
    const auto part = object.substr(0, end);
    H5L_info_t link;
    if (H5Lexists(id(), part.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(id(), part.c_str(), &link, H5P_DEFAULT) < 0) {
      H5Eclear2(H5E_DEFAULT);
      return false;
    }
    if (link.type != H5L_TYPE_HARD && link.type != H5L_TYPE_SOFT) return false;
  }
  return H5Oexists_by_name(id(), object.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> File::names(const std::string& group) const {
  std::vector<std::string> found;
  if (!has(group)) return found;
  hsize_t at = 0;
  if (H5Literate_by_name(id(), group.c_str(), H5_INDEX_NAME, H5_ITER_INC, &at, add_name, &found,
                         H5P_DEFAULT) < 0) {
    fail(group, "expected a group, HDF5 says: " + last_error());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<std::string> File::attribute(const std::string& object,
                                           const std::string& name) const {
  return sound("attribute " + name, [&] { return attribute_text(path_, id(), object, name); });
}

std::vector<std::string> File::read_texts(hid_t set, hid_t type, std::uint64_t count,
                                          const std::string& dataset) const {
  std::vector<std::string> values;
  if (count == 0) return values;
  if (H5Tis_variable_str(type) > 0) {
    return sound(dataset, [&] { return heap_texts(path_, id(), set, count); });
  }
  const auto size = H5Tget_size(type);
  if (size == 0 || size > kLongestText) fail(dataset, "expected texts of at most 64 KiB");
  std::vector<char> bytes(count * size);
  if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
    fail(dataset, "expected texts, HDF5 says: " + last_error());
  }
  for (std::uint64_t i = 0; i < count; ++i) values.push_back(trimmed(&bytes[i * size], size));
  return values;
}

std::string File::scalar_text(const std::string& dataset) const {
  if (!has(dataset)) fail(dataset, "expected a text, found no such dataset");
  const Handle set(H5Dopen2(id(), dataset.c_str(), H5P_DEFAULT), H5Dclose);
  const Handle type(set ? H5Dget_type(set.get()) : H5I_INVALID_HID, H5Tclose);
  const Handle space(set ? H5Dget_space(set.get()) : H5I_INVALID_HID, H5Sclose);
  if (!type || H5Tget_class(type.get()) != H5T_STRING ||
      H5Sget_simple_extent_npoints(space.get()) != 1) {
    H5Eclear2(H5E_DEFAULT);
    fail(dataset, "expected one text");
  }
  return read_texts(set.get(), type.get(), 1, dataset).front();
}

std::vector<std::string> File::texts(const std::string& dataset) const {
  const auto found = column(dataset);
  if (H5Tget_class(found.type.get()) != H5T_STRING) fail(dataset, "expected texts, got no text");
  if (found.size > kMostRows) {
    fail(dataset, text("expected at most ", kMostRows, " rows, got ", found.size));
  }
  check_storage(found, dataset);
  return read_texts(found.set.get(), found.type.get(), found.size, dataset);
}

Column File::column(const std::string& dataset) const {
  if (!has(dataset)) fail(dataset, "expected a column, found no such dataset");
  const Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  Column found{Handle(H5Dopen2(id(), dataset.c_str(), access.get()), H5Dclose), {}, 0};
  if (!found.set) fail(dataset, "expected a column, HDF5 says: " + last_error());
  const Handle made(H5Dget_create_plist(found.set.get()), H5Pclose);
  hsize_t chunk = 0;
  if (H5Pget_layout(made.get()) == H5D_CHUNKED && H5Pget_chunk(made.get(), 1, &chunk) == 1) {
    const Handle type(H5Dget_type(found.set.get()), H5Tclose);
    const auto element = H5Tget_size(type.get());
    if (element == 0 || chunk > kMostChunk / element) {
      fail(dataset, text("expected chunks of at most 512 MiB, got ", chunk, " elements"));
    }
    // Without a cache plain chunks are read straight into place. Packed ones that are larger than
    // HDF5's cache of 1 MiB would be unpacked anew for every piece.
    const bool packed = H5Pget_nfilters(made.get()) != 0;
    H5Pset_chunk_cache(access.get(), 521,
                       packed ? std::max<std::size_t>(chunk * element, 1U << 20U) : 0, 1);
    found.set = {};
    found.set = Handle(H5Dopen2(id(), dataset.c_str(), access.get()), H5Dclose);
    if (!found.set) fail(dataset, "expected a column, HDF5 says: " + last_error());
  }
  found.type = Handle(H5Dget_type(found.set.get()), H5Tclose);
  const Handle space(H5Dget_space(found.set.get()), H5Sclose);
  hsize_t size = 0;
  if (!found.type || H5Sget_simple_extent_type(space.get()) != H5S_SIMPLE ||
      H5Sget_simple_extent_ndims(space.get()) != 1 ||
      H5Sget_simple_extent_dims(space.get(), &size, nullptr) != 1) {
    H5Eclear2(H5E_DEFAULT);
    fail(dataset, "expected a column, one number a row");
  }
  found.size = size;
  return found;
}

void File::check_storage(const Column& column, const std::string& dataset) const {
  const Handle made(H5Dget_create_plist(column.set.get()), H5Pclose);
  const auto layout = H5Pget_layout(made.get());
  if (layout == H5D_VIRTUAL ||
      (layout == H5D_CONTIGUOUS && H5Pget_external_count(made.get()) > 0)) {
    fail(dataset, "expected numbers in this file, they are in another: copy them into it");
  }
  const std::uint64_t element = H5Tget_size(column.type.get());
  const std::uint64_t stored = H5Dget_storage_size(column.set.get());
  const auto most = layout == H5D_CHUNKED ? (stored * kMostPacking) / element : stored / element;
  if (column.size > most) {
    fail(dataset, text("expected what is declared, ", column.size, " elements of ", element,
                       " bytes, the file holds ", stored, " bytes: copy or write it again"));
  }
}

Column File::number_column(const std::string& dataset) const {
  auto found = column(dataset);
  const auto kind = H5Tget_class(found.type.get());
  const auto size = H5Tget_size(found.type.get());
  if ((kind != H5T_INTEGER && kind != H5T_FLOAT && kind != H5T_ENUM) || size < 1 || size > 16) {
    fail(dataset, "expected numbers, got another type");
  }
  check_storage(found, dataset);
  return found;
}

std::vector<double> File::numbers(const std::string& dataset) const {
  const auto found = number_column(dataset);
  if (found.size > kMostRows) {
    fail(dataset, text("expected at most ", kMostRows, " rows, got ", found.size));
  }
  std::vector<double> values(found.size);
  read(found, dataset, 0, values);
  return values;
}

std::vector<std::int64_t> File::integers(const std::string& dataset) const {
  const auto found = number_column(dataset);
  if (found.size > kMostRows) {
    fail(dataset, text("expected at most ", kMostRows, " rows, got ", found.size));
  }
  std::vector<std::int64_t> values(found.size);
  if (values.empty()) return values;
  if (H5Tget_class(found.type.get()) != H5T_FLOAT) {
    // Unsigned numbers beyond int64 become its largest, which is out of any range here.
    if (H5Dread(found.set.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) <
        0) {
      fail(dataset, "expected whole numbers, HDF5 says: " + last_error());
    }
    return values;
  }
  std::vector<double> floats(found.size);
  read(found, dataset, 0, floats);
  for (std::size_t i = 0; i < floats.size(); ++i) {
    if (!(std::abs(floats[i]) < 0x1p53) || floats[i] != std::floor(floats[i])) {
      fail(dataset, text("expected whole numbers, got ", floats[i], " in row ", i));
    }
    values[i] = static_cast<std::int64_t>(floats[i]);
  }
  return values;
}

void File::read(const Column& column, const std::string& dataset, std::uint64_t first,
                std::span<double> into) const {
  if (into.empty()) return;
  const hsize_t start = first, count = into.size();
  const Handle source(H5Dget_space(column.set.get()), H5Sclose);
  const Handle target(H5Screate_simple(1, &count, nullptr), H5Sclose);
  if (H5Sselect_hyperslab(source.get(), H5S_SELECT_SET, &start, nullptr, &count, nullptr) < 0 ||
      H5Dread(column.set.get(), H5T_NATIVE_DOUBLE, target.get(), source.get(), H5P_DEFAULT,
              into.data()) < 0) {
    fail(dataset, text("expected numbers, HDF5 says: ", last_error(), ": copy or write it again"));
  }
}

std::vector<double> File::read_at(const Column& column, const std::string& dataset,
                                  const std::vector<hsize_t>& places) const {
  std::vector<double> values(places.size());
  if (places.empty()) return values;
  const hsize_t count = places.size();
  const Handle source(H5Dget_space(column.set.get()), H5Sclose);
  const Handle target(H5Screate_simple(1, &count, nullptr), H5Sclose);
  if (H5Sselect_elements(source.get(), H5S_SELECT_SET, places.size(), places.data()) < 0 ||
      H5Dread(column.set.get(), H5T_NATIVE_DOUBLE, target.get(), source.get(), H5P_DEFAULT,
              values.data()) < 0) {
    fail(dataset, text("expected numbers, HDF5 says: ", last_error(), ": copy or write it again"));
  }
  return values;
}

}  // namespace neurosplat::hdf5
