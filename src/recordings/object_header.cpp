#include "recordings/object_header.h"

#include <deque>
#include <optional>
#include <string_view>
#include <utility>

namespace neurosplat::hdf5 {
namespace {

// HDF5 File Format Specification 3.0, IV.A: a header's first block holds messages, some of which
// say where more of them are. In version 2, blocks begin with four letters and end with a checksum.
constexpr std::uint64_t kPrefix1 = 16, kMessage1 = 8, kAlignment = 8, kMark = 4, kChecksum = 4;
constexpr unsigned kAttribute = 0x0c, kContinuation = 0x10, kShared = 2;
constexpr std::uint64_t kLargestBlock = 1U << 20U;
constexpr std::size_t kMostBlocks = 64;

struct Block {
  std::uint64_t address, size;
};

/// Takes fields off the front of bytes.
class Fields {
 public:
  explicit Fields(std::string_view rest) : rest_(rest) {}

  std::uint64_t size() const { return rest_.size(); }
  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) throw Error("an attribute in a header that is cut short");
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  template <class Number>
  Number number() {
    return number_at<Number>(take(sizeof(Number)), 0);
  }

 private:
  std::string_view rest_;
};

/// The data of an attribute's message (IV.A.2.m), nothing where it has another name.
std::optional<std::string> data_of(std::string_view message, const std::string& name) {
  Fields fields(message);
  const auto version = fields.number<std::uint8_t>();
  if (version < 1 || version > 3) throw Error("an attribute of an unknown version");
  fields.take(1);
  const auto name_size = fields.number<std::uint16_t>(), type_size = fields.number<std::uint16_t>(),
             space_size = fields.number<std::uint16_t>();
  if (version == 3) fields.take(1);  // character set
  const auto whole = [version](std::uint64_t size) {
    return version == 1 ? (size + kAlignment - 1) / kAlignment * kAlignment : size;
  };
  const auto found = fields.take(whole(name_size));
  if (found.substr(0, found.find('\0')) != name) return std::nullopt;
  fields.take(whole(type_size));
  fields.take(whole(space_size));
  return std::string(fields.take(fields.size()));
}

class HeaderWalk {
 public:
  HeaderWalk(FilePart& file, std::uint64_t header) : file_(file) {
    const auto start = file_.bytes(header, kPrefix1);
    const std::string_view seen(start.data(), start.size());
    second_ = seen.starts_with("OHDR\2");
    if (second_) {
      begin_second(header, number_at<std::uint8_t>(seen, 5));
    } else if (seen.front() == 1) {
      add(header + kPrefix1, number_at<std::uint32_t>(seen, 8));
    } else {
      throw Error("an attribute of an object without a header");
    }
  }

  std::string find(const std::string& name) {
    while (!blocks_.empty()) {
      const auto block = blocks_.front();
      blocks_.pop_front();
      const auto bytes = file_.bytes(block.address, block.size);
      if (const auto data = find_in({bytes.data(), bytes.size()}, name)) return *data;
    }
    throw Error("an attribute that is not in its object's header");
  }

 private:
  void add(std::uint64_t address, std::uint64_t size) {
    if (size > kLargestBlock || seen_++ == kMostBlocks) {
      throw Error("an attribute in a header of more than a MiB");
    }
    blocks_.push_back({address, size});
  }

  void begin_second(std::uint64_t header, unsigned flags) {
    const std::uint64_t times = (flags & 0x20U) != 0 ? 16 : 0;
    const std::uint64_t counts = (flags & 0x10U) != 0 ? 4 : 0;
    const std::uint64_t width = std::uint64_t{1} << (flags & 3U);
    order_ = (flags & 4U) != 0;
    const auto place = header + kMark + 2 + times + counts;
    auto digits = file_.bytes(place, width);
    digits.resize(sizeof(std::uint64_t));
    add(place + width, number_at<std::uint64_t>({digits.data(), digits.size()}, 0));
  }

  std::optional<std::string> find_in(std::string_view bytes, const std::string& name) {
    for (Fields fields(bytes); fields.size() >= (second_ ? kMark : kMessage1);) {
      const unsigned type =
          second_ ? fields.number<std::uint8_t>() : fields.number<std::uint16_t>();
      const auto size = fields.number<std::uint16_t>();
      const unsigned flags = fields.number<std::uint8_t>();
      fields.take(second_ ? (order_ ? 2 : 0) : 3);
      const auto message = fields.take(size);
      if (type == kContinuation) go_on(message);
      if (type != kAttribute || (flags & kShared) != 0) continue;
      if (auto data = data_of(message, name)) return data;
    }
    return std::nullopt;
  }

  void go_on(std::string_view message) {
    Fields fields(message);
    const auto address = fields.number<std::uint64_t>(), size = fields.number<std::uint64_t>();
    if (!second_) return add(address, size);
    if (size < kMark + kChecksum) throw Error("an attribute in a header that is cut short");
    add(address + kMark, size - kMark - kChecksum);
  }

  FilePart& file_;
  bool second_ = false, order_ = false;
  std::deque<Block> blocks_;
  std::size_t seen_ = 0;
};

}  // namespace

std::string stored_attribute(FilePart& file, std::uint64_t header, const std::string& name) {
  return HeaderWalk(file, header).find(name);
}

}  // namespace neurosplat::hdf5
