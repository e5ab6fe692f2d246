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

/// A zip file of records that are stored as they are (PKWARE APPNOTE 6.3, 4.3). The last one
/// differs from run to run, what stands before it is made once.
class Zip {
 public:
  Zip& add(const std::string& name, std::string_view content) {
    const auto sum =
        crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    std::string shared;  // no flags, stored, no time
    put(shared, 0, 8);
    put(shared, sum, 4);
    put(shared, content.size(), 4);
    put(shared, content.size(), 4);
    put(shared, name.size(), 2);
    put(shared, 0, 2);
    const auto place = file_.size();
    file_ += std::string("PK\x03\x04\x14\0", 6) + shared + name;
    file_ += content;
    directory_ += std::string("PK\x01\x02\x14\0\x14\0", 8) + shared;
    directory_ += std::string(10, '\0');  // no comment, first disk, no attributes
    put(directory_, place, 4);
    directory_ += name;
    ++count_;
    return *this;
  }

  std::string bytes() const {
    auto all = file_ + directory_ + std::string("PK\x05\x06\0\0\0\0", 8);
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
  static const Zip beginning = Zip()
                                   .add("a/byteorder", "little")
                                   .add("a/data/0", std::string(64, '\0'))
                                   .add("a/data/1", std::string(64, '\1'))
                                   .add("a/version", "3\n");
  const auto whole = Zip(beginning).add("a/data.pkl", as_text(bytes)).bytes();
  const ScratchFile file({reinterpret_cast<const std::uint8_t*>(whole.data()), whole.size()});
  take(read_torch_state_dict(file.path()));
}

}  // namespace neurosplat::fuzz
