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
constexpr unsigned kAttribute = 0x0c, kContinuation = 0x10, kAttributesElsewhere = 0x15;
constexpr unsigned kShared = 2, kSharedType = 1, kStringClass = 3, kVariableClass = 9;
constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
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

/// Elements of a dataspace (IV.A.2.b): 1 of a scalar.
bool is_single(std::string_view space) {
  Fields fields(space);
  const auto version = fields.number<std::uint8_t>(), rank = fields.number<std::uint8_t>();
  fields.take(1);
  const auto kind = fields.number<std::uint8_t>();  // 2: none at all
  if (version == 1) fields.take(4);
  if (version > 1 && kind == 2) return false;
  for (int i = 0; i < rank; ++i) {
    if (fields.number<std::uint64_t>() != 1) return false;
  }
  return true;
}

/// A datatype (IV.A.2.d) says its class in the low half of its first byte, of texts of any length
/// that they are texts in the second, and its size.
StoredText text_of(std::string_view type, std::string_view space, std::string_view data) {
  Fields fields(type);
  const auto kind = fields.number<std::uint8_t>() & 0x0fU;
  const bool is_text = (fields.number<std::uint8_t>() & 0x0fU) == 1;
  fields.take(2);
  const auto size = fields.number<std::uint32_t>();
  const bool variable = kind == kVariableClass && is_text;
  if ((kind != kStringClass && !variable) || !is_single(space)) throw Error("no single text");
  return {variable, std::string(Fields(data).take(size))};
}

/// An attribute's message (IV.A.2.m); nothing where it has another name.
std::optional<StoredText> text_in(std::string_view message, const std::string& name) {
  Fields fields(message);
  const auto version = fields.number<std::uint8_t>(), flags = fields.number<std::uint8_t>();
  if (version < 1 || version > 3) throw Error("an attribute of an unknown version");
  const auto name_size = fields.number<std::uint16_t>(), type_size = fields.number<std::uint16_t>(),
             space_size = fields.number<std::uint16_t>();
  if (version == 3) fields.take(1);  // character set
  const auto whole = [version](std::uint64_t size) {
    return version == 1 ? (size + kAlignment - 1) / kAlignment * kAlignment : size;
  };
  const auto found = fields.take(whole(name_size));
  if (found.substr(0, found.find('\0')) != name) return std::nullopt;
  if (version > 1 && (flags & kSharedType) != 0) throw Error("an attribute of a named type");
  const auto type = fields.take(whole(type_size)), space = fields.take(whole(space_size));
  return text_of(type, space, fields.take(fields.size()));
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

  std::optional<StoredText> find(const std::string& name) {
    while (!blocks_.empty()) {
      const auto block = blocks_.front();
      blocks_.pop_front();
      const auto bytes = file_.bytes(block.address, block.size);
      if (auto found = find_in({bytes.data(), bytes.size()}, name)) return found;
    }
    return std::nullopt;
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

  std::optional<StoredText> find_in(std::string_view bytes, const std::string& name) {
    for (Fields fields(bytes); fields.size() >= (second_ ? kMark : kMessage1);) {
      const unsigned type =
          second_ ? fields.number<std::uint8_t>() : fields.number<std::uint16_t>();
      const auto size = fields.number<std::uint16_t>();
      const unsigned flags = fields.number<std::uint8_t>();
      fields.take(second_ ? (order_ ? 2 : 0) : 3);
      const auto message = fields.take(size);
      if (type == kContinuation) go_on(message);
      if (type == kAttributesElsewhere) check_elsewhere(message);
      if (type != kAttribute || (flags & kShared) != 0) continue;
      if (auto found = text_in(message, name)) return found;
    }
    return std::nullopt;
  }

  /// IV.A.2.v: where more attributes are, if there are any.
  static void check_elsewhere(std::string_view message) {
    Fields fields(message);
    fields.take(1);
    const unsigned flags = fields.number<std::uint8_t>();
    if ((flags & 1U) != 0) fields.take(2);
    if (fields.number<std::uint64_t>() != kNowhere) {
      throw Error("attributes outside of their object's header");
    }
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

std::optional<StoredText> stored_text(FilePart& file, std::uint64_t header,
                                      const std::string& name) {
  return HeaderWalk(file, header).find(name);
}

}  // namespace neurosplat::hdf5
