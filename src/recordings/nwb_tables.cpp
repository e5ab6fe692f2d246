#include "recordings/nwb_tables.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"

namespace neurosplat::hdf5 {
namespace {

/// Doubles in a chunk, 128 KiB to 1 MiB, which is what HDF5's own cache holds, and chunks that a
/// column should have: readers find few ones faster.
constexpr std::uint64_t kLeastChunk = 1U << 14U, kMostChunk = 1U << 17U, kChunks = 256;

Handle utf8() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

Handle column_space(std::size_t count) {
  const hsize_t size = count;
  return {H5Screate_simple(1, &size, nullptr), H5Sclose};
}

/// A random UUID (version 4), drawn.
std::string object_id(std::uint64_t seed, std::uint64_t number) {
  const auto high = hash_of({seed, number, 1}), low = hash_of({seed, number, 2});
  char digits[40];
  std::snprintf(digits, sizeof digits, "%08llx-%04llx-4%03llx-%04llx-%012llx",
                static_cast<unsigned long long>(high >> 32U),
                static_cast<unsigned long long>(high >> 16U & 0xffffU),
                static_cast<unsigned long long>(high & 0xfffU),
                static_cast<unsigned long long>((low >> 48U & 0x3fffU) | 0x8000U),
                static_cast<unsigned long long>(low & 0xffffffffffffU));
  return digits;
}

std::vector<const char*> pointers_to(const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  for (const auto& value : values) pointers.push_back(value.c_str());
  return pointers;
}

}  // namespace

NwbTables::NwbTables(const std::filesystem::path& path, std::string name, std::uint64_t seed)
    : text_(utf8()), name_(std::move(name)), seed_(seed) {
  silence();
  file_ = Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  check(static_cast<bool>(file_), "the file");
}

void NwbTables::check(bool done, const std::string& place) const {
  if (done) return;
  throw Error(text(name_, ": ", place, ": expected to write it, HDF5 says: ", last_error(),
                   ": check that its folder exists, may be written and has room"));
}

void NwbTables::attribute(const std::string& object, const std::string& name,
                          const std::string& value) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle made(H5Acreate_by_name(file_.get(), object.c_str(), name.c_str(), text_.get(),
                                      space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                    H5Aclose);
  const char* pointer = value.c_str();
  check(made && H5Awrite(made.get(), text_.get(), &pointer) >= 0, object);
}

void NwbTables::typed(const std::string& object, const std::string& space,
                      const std::string& type) {
  attribute(object, "namespace", space);
  attribute(object, "neurodata_type", type);
  attribute(object, "object_id", object_id(seed_, objects_++));
}

void NwbTables::group(const std::string& path, const std::string& type) {
  if (path != "/") {
    const Handle made(H5Gcreate2(file_.get(), path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                      H5Gclose);
    check(static_cast<bool>(made), path);
  }
  if (!type.empty()) typed(path, "core", type);
}

void NwbTables::table(const std::string& path, const std::string& type,
                      const std::string& description, const std::vector<std::string>& columns,
                      std::span<const std::int64_t> ids) {
  group(path);
  typed(path, type == "DynamicTable" ? "hdmf-common" : "core", type);
  attribute(path, "description", description);
  const auto space = column_space(columns.size());
  const Handle names(H5Acreate_by_name(file_.get(), path.c_str(), "colnames", text_.get(),
                                       space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                     H5Aclose);
  const auto pointers = pointers_to(columns);
  check(names && H5Awrite(names.get(), text_.get(), pointers.data()) >= 0, path);
  write(path + "/id", H5T_STD_I64LE, H5T_NATIVE_INT64, ids.size(), ids.data());
  typed(path + "/id", "hdmf-common", "ElementIdentifiers");
}

void NwbTables::soft_link(const std::string& target, const std::string& path) {
  check(H5Lcreate_soft(target.c_str(), file_.get(), path.c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0,
        path);
}

void NwbTables::scalar(const std::string& dataset, const std::string& value) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle made(H5Dcreate2(file_.get(), dataset.c_str(), text_.get(), space.get(), H5P_DEFAULT,
                               H5P_DEFAULT, H5P_DEFAULT),
                    H5Dclose);
  const char* pointer = value.c_str();
  check(made && H5Dwrite(made.get(), text_.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &pointer) >= 0,
        dataset);
}

void NwbTables::texts(const std::string& dataset, const std::vector<std::string>& values) {
  const auto pointers = pointers_to(values);
  write(dataset, text_.get(), text_.get(), pointers.size(), pointers.data());
}

void NwbTables::write(const std::string& dataset, hid_t stored, hid_t given, std::size_t count,
                      const void* values) {
  const auto space = column_space(count);
  const Handle made(H5Dcreate2(file_.get(), dataset.c_str(), stored, space.get(), H5P_DEFAULT,
                               H5P_DEFAULT, H5P_DEFAULT),
                    H5Dclose);
  check(made &&
            (count == 0 || H5Dwrite(made.get(), given, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0),
        dataset);
}

void NwbTables::vector_data(const std::string& dataset, const std::string& description) {
  typed(dataset, "hdmf-common", "VectorData");
  attribute(dataset, "description", description);
}

void NwbTables::column(const std::string& dataset, const std::string& description,
                       std::span<const double> values) {
  write(dataset, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.size(), values.data());
  vector_data(dataset, description);
}

void NwbTables::column(const std::string& dataset, const std::string& description,
                       std::span<const std::int64_t> values) {
  write(dataset, H5T_STD_I64LE, H5T_NATIVE_INT64, values.size(), values.data());
  vector_data(dataset, description);
}

void NwbTables::column(const std::string& dataset, const std::string& description,
                       const std::vector<std::string>& values) {
  texts(dataset, values);
  vector_data(dataset, description);
}

void NwbTables::truth_column(const std::string& dataset, const std::string& description,
                             std::span<const std::int8_t> values) {
  // As h5py stores NumPy's bool.
  const Handle type(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose);
  for (std::int8_t value = 0; value < 2; ++value) {
    H5Tenum_insert(type.get(), value == 0 ? "FALSE" : "TRUE", &value);
  }
  write(dataset, type.get(), type.get(), values.size(), values.data());
  vector_data(dataset, description);
}

void NwbTables::object_column(const std::string& dataset, const std::string& description,
                              const std::vector<std::string>& objects) {
  std::vector<hobj_ref_t> references(objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    check(H5Rcreate(&references[i], file_.get(), objects[i].c_str(), H5R_OBJECT, -1) >= 0, dataset);
  }
  write(dataset, H5T_STD_REF_OBJ, H5T_STD_REF_OBJ, references.size(), references.data());
  vector_data(dataset, description);
}

void NwbTables::growing_column(const std::string& dataset, const std::string& description,
                               std::uint64_t expected) {
  const hsize_t none = 0, most = H5S_UNLIMITED;
  const Handle space(H5Screate_simple(1, &none, &most), H5Sclose);
  const Handle options(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  const hsize_t chunk = std::clamp(std::bit_ceil(expected / kChunks), kLeastChunk, kMostChunk);
  H5Pset_chunk(options.get(), 1, &chunk);
  growing_ = Handle(H5Dcreate2(file_.get(), dataset.c_str(), H5T_IEEE_F64LE, space.get(),
                               H5P_DEFAULT, options.get(), H5P_DEFAULT),
                    H5Dclose);
  check(static_cast<bool>(growing_), dataset);
  vector_data(dataset, description);
  grown_ = 0;
}

void NwbTables::append(std::span<const double> values) {
  if (values.empty()) return;
  const hsize_t first = grown_, count = values.size(), size = first + count;
  check(H5Dset_extent(growing_.get(), &size) >= 0, "a growing column");
  const Handle target(H5Dget_space(growing_.get()), H5Sclose);
  const auto source = column_space(values.size());
  H5Sselect_hyperslab(target.get(), H5S_SELECT_SET, &first, nullptr, &count, nullptr);
  check(H5Dwrite(growing_.get(), H5T_NATIVE_DOUBLE, source.get(), target.get(), H5P_DEFAULT,
                 values.data()) >= 0,
        "a growing column");
  grown_ = size;
}

void NwbTables::index(const std::string& dataset, std::span<const std::uint64_t> ends) {
  const bool narrow = ends.empty() || ends.back() < (std::uint64_t{1} << 32U);
  const auto path = dataset + "_index";
  write(path, narrow ? H5T_STD_U32LE : H5T_STD_U64LE, H5T_NATIVE_UINT64, ends.size(), ends.data());
  typed(path, "hdmf-common", "VectorIndex");
  attribute(path, "description", "Ends of each row's part of " + dataset);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle target(H5Acreate_by_name(file_.get(), path.c_str(), "target", H5T_STD_REF_OBJ,
                                        space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                      H5Aclose);
  hobj_ref_t reference{};
  check(target && H5Rcreate(&reference, file_.get(), dataset.c_str(), H5R_OBJECT, -1) >= 0 &&
            H5Awrite(target.get(), H5T_STD_REF_OBJ, &reference) >= 0,
        path);
}

void NwbTables::close() {
  growing_.reset();
  check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) >= 0, "the file");
  file_.reset();
}

}  // namespace neurosplat::hdf5
