// The pickle of a PyTorch state dict, in a sound zip file with the storages 0 and 1 of 64 bytes.
#include <zlib.h>

#include <array>
#include <string>
#include <vector>

#include "fuzz/readers.h"
#include "fuzz/readers/taken_tensors.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/io/torch_checkpoint.h"

namespace neurosplat::fuzz {
namespace {

/// A zip file of records that are stored as they are (PKWARE APPNOTE 6.3, 4.3).
class Zip {
 public:
  void add(const std::string& name, std::string_view content) {
    const auto sum =
        crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    const auto place = file_.size();
    const auto shared = [&](std::string& out) {
      put(out, 0, 2);  // no flags, stored, no time
      put(out, 0, 2);
      put(out, 0, 4);
      put(out, sum, 4);
      put(out, content.size(), 4);
      put(out, content.size(), 4);
      put(out, name.size(), 2);
      put(out, 0, 2);
    };
    file_ += "PK\x03\x04";
    put(file_, 20, 2);
    shared(file_);
    file_ += name;
    file_ += content;
    directory_ += "PK\x01\x02";
    put(directory_, 20, 2);
    put(directory_, 20, 2);
    shared(directory_);
    put(directory_, 0, 8);  // no comment, first disk, no attributes
    put(directory_, 0, 2);
    put(directory_, place, 4);
    directory_ += name;
    ++count_;
  }

  std::string bytes() const {
    auto all = file_ + directory_ + "PK\x05\x06";
    put(all, 0, 4);
    put(all, count_, 2);
    put(all, count_, 2);
    put(all, directory_.size(), 4);
    put(all, file_.size(), 4);
    put(all, 0, 2);
    return all;
  }

 private:
  static void put(std::string& out, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  }

  std::string file_, directory_;
  std::uint64_t count_ = 0;
};

}  // namespace

void torch_pickle(Bytes bytes) {
  Zip zip;
  zip.add("a/data.pkl", as_text(bytes));
  zip.add("a/byteorder", "little");
  zip.add("a/data/0", std::string(64, '\0'));
  zip.add("a/data/1", std::string(64, '\1'));
  zip.add("a/version", "3\n");
  const auto whole = zip.bytes();
  const ScratchFile file({reinterpret_cast<const std::uint8_t*>(whole.data()), whole.size()});
  take(read_torch_state_dict(file.path()));
}

}  // namespace neurosplat::fuzz
