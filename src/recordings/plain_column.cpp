#include "recordings/plain_column.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "neurosplat/core/text.h"

namespace neurosplat::hdf5 {
namespace {

/// To look up more chunks takes longer than it saves: HDF5 1.10 goes through all for each.
constexpr std::uint64_t kMostChunks = 1U << 11U;

/// The descriptor that HDF5 reads the file with, -1 where it has none or addresses are not places
/// in the file.
int descriptor_of(hid_t file) {
  const Handle access(H5Fget_access_plist(file), H5Pclose);
  const Handle creation(H5Fget_create_plist(file), H5Pclose);
  hsize_t user_block = 0;
  void* descriptor = nullptr;
  if (H5Pget_driver(access.get()) != H5FD_SEC2 ||
      H5Pget_userblock(creation.get(), &user_block) < 0 || user_block != 0 ||
      H5Fget_vfd_handle(file, H5P_DEFAULT, &descriptor) < 0 || descriptor == nullptr) {
    H5Eclear2(H5E_DEFAULT);
    return -1;
  }
  return *static_cast<const int*>(descriptor);
}

}  // namespace

std::optional<PlainColumn> PlainColumn::find(const File& file, const Column& column) {
  struct stat status = {};
  const Handle made(H5Dget_create_plist(column.set.get()), H5Pclose);
  PlainColumn found(descriptor_of(file.id()));
  if (column.size == 0 || found.descriptor_ < 0 || fstat(found.descriptor_, &status) != 0 ||
      status.st_size < 0 || H5Tequal(column.type.get(), H5T_NATIVE_DOUBLE) <= 0 ||
      H5Pget_nfilters(made.get()) != 0) {
    return std::nullopt;
  }
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  const auto layout = H5Pget_layout(made.get());
  bool whole = false;
  hsize_t chunk = 0;
  if (layout == H5D_CONTIGUOUS && H5Pget_external_count(made.get()) == 0) {
    whole = found.add(0, column.size, H5Dget_offset(column.set.get()), bytes);
  } else if (layout == H5D_CHUNKED && H5Pget_chunk(made.get(), 1, &chunk) == 1) {
    whole = column.size / chunk < kMostChunks && found.find_chunks(column, chunk, bytes);
  }
  H5Eclear2(H5E_DEFAULT);
  if (!whole) return std::nullopt;
  found.extents_.push_back({column.size, 0});
  return found;
}

bool PlainColumn::find_chunks(const Column& column, std::uint64_t chunk, std::uint64_t file) {
  for (hsize_t first = 0; first < column.size; first += chunk) {
    unsigned unfiltered = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t bytes = 0;
    if (H5Dget_chunk_info_by_coord(column.set.get(), &first, &unfiltered, &address, &bytes) < 0 ||
        bytes != chunk * sizeof(double) ||
        !add(first, std::min<std::uint64_t>(chunk, column.size - first), address, file)) {
      return false;
    }
  }
  return true;
}

/// False where the file does not hold these numbers.
bool PlainColumn::add(std::uint64_t first, std::uint64_t count, std::uint64_t address,
                      std::uint64_t file) {
  if (address == HADDR_UNDEF || address > file || count > (file - address) / sizeof(double)) {
    return false;
  }
  const bool goes_on =
      !extents_.empty() &&
      address == extents_.back().address + (first - extents_.back().first) * sizeof(double);
  if (!goes_on) extents_.push_back({first, address});
  return true;
}

void PlainColumn::read(const File& file, const std::string& dataset, std::uint64_t first,
                       std::span<double> into) const {
  auto extent = std::upper_bound(extents_.begin(), extents_.end(), first,
                                 [](auto place, const auto& one) { return place < one.first; }) -
                1;
  auto bytes = std::as_writable_bytes(into);
  auto skipped = (first - extent->first) * sizeof(double);
  while (!bytes.empty()) {
    const auto left = (std::next(extent)->first - extent->first) * sizeof(double) - skipped;
    const auto got = pread(descriptor_, bytes.data(), std::min<std::uint64_t>(bytes.size(), left),
                           static_cast<off_t>(extent->address + skipped));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      file.fail(dataset, text("expected numbers, got ", std::generic_category().message(errno),
                              ": copy or write it again"));
    }
    if (got == 0) {
      file.fail(dataset, "expected numbers, got the end of the file: copy or write it again");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    skipped += static_cast<std::uint64_t>(got);
    if (static_cast<std::uint64_t>(got) == left) {
      ++extent;
      skipped = 0;
    }
  }
}

}  // namespace neurosplat::hdf5
