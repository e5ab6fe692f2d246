#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/recordings/nwb_writer.h"

/// A small NWB file, and HDF5's own interface to change what it says.
namespace neurosplat::testing {

/// Four units on three electrodes: the second is empty, and the last has one spike.
inline const std::vector<std::vector<double>> kSmallSpikes = {
    {0.1, 0.2, 0.2, 1.4, 2.9}, {}, {0.05, 1.25, 1.25, 1.26, 3.5, 4.0}, {2.0}};

inline NwbSession small_session() {
  NwbSession session;
  session.identifier = "small";
  session.description = "four units";
  session.seconds = 5;
  session.probes = {"probeA", "probeB"};
  session.electrodes = {{100, "VISp", "probeA", 1, 2, 3, 20, true},
                        {102, "VISl", "probeA", 1, 2, 3, 40, true},
                        {7, "VISam", "probeB", 4, 5, 6, 60, false}};
  session.units = {{11, 102, "good", 0.01, 0.99, 0.1, 3},
                   {12, 100, "good", 0.02, 0.98, 0.2, 2.5},
                   {13, 7, "good", 0.03, 0.97, 0.3, 2},
                   {14, 100, "noise", 0.3, 0.5, 2, 1}};
  session.presentations = {
      {"natural_scenes_presentations", {1, 1.25, 1.5}, {1.25, 1.5, 1.75}, {2, -1, 0}, {0, 0, 1}},
      {"spontaneous_presentations", {0}, {1}, {}, {}}};
  return session;
}

inline std::filesystem::path write_small(const std::filesystem::path& file) {
  write_nwb(file, small_session(), [](std::size_t unit) { return kSmallSpikes[unit]; });
  return file;
}

/// How a dataset that is put in another's place is stored.
struct Stored {
  hid_t type;               ///< in the file
  hsize_t chunk = 0;        ///< 0: contiguous
  bool compressed = false;  ///< needs chunks
  hsize_t declared = 0;     ///< elements that are claimed and never written; chunks only
};

inline void remove_object(const std::filesystem::path& path, const std::string& object) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Ldelete(file, object.c_str(), H5P_DEFAULT);
  H5Fclose(file);
}

/// Puts a dataset of `values` (of the type `given` in memory) where there may be one already.
template <class Value>
void put(const std::filesystem::path& path, const std::string& dataset, const Stored& stored,
         hid_t given, const std::vector<Value>& values) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  if (H5Lexists(file, dataset.c_str(), H5P_DEFAULT) > 0) {
    H5Ldelete(file, dataset.c_str(), H5P_DEFAULT);
  }
  const hsize_t size = stored.declared != 0 ? stored.declared : values.size();
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  const hid_t options = H5Pcreate(H5P_DATASET_CREATE);
  if (stored.chunk > 0) H5Pset_chunk(options, 1, &stored.chunk);
  if (stored.compressed) H5Pset_deflate(options, 4);
  const hid_t set =
      H5Dcreate2(file, dataset.c_str(), stored.type, space, H5P_DEFAULT, options, H5P_DEFAULT);
  if (!values.empty() && stored.declared == 0) {
    H5Dwrite(set, given, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }
  H5Dclose(set);
  H5Pclose(options);
  H5Sclose(space);
  H5Fclose(file);
}

inline void put_numbers(const std::filesystem::path& path, const std::string& dataset,
                        const std::vector<double>& values) {
  put(path, dataset, {H5T_IEEE_F64LE}, H5T_NATIVE_DOUBLE, values);
}

/// Texts of fixed length, which others write.
inline void put_fixed_texts(const std::filesystem::path& path, const std::string& dataset,
                            const std::vector<std::string>& values, std::size_t length) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, length);
  std::vector<char> bytes;
  for (auto value : values) {
    value.resize(length, '\0');
    bytes.insert(bytes.end(), value.begin(), value.end());
  }
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Ldelete(file, dataset.c_str(), H5P_DEFAULT);
  const hsize_t size = values.size();
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  const hid_t set =
      H5Dcreate2(file, dataset.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
  H5Dclose(set);
  H5Sclose(space);
  H5Fclose(file);
  H5Tclose(type);
}

}  // namespace neurosplat::testing
