#include <zlib.h>

#include <algorithm>

#include "io/mat_format.h"
#include "io/mat_guard.h"

namespace neurosplat {

std::optional<std::string> mat::inflated(std::string_view bytes, std::size_t most_bytes) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string content;
  int status = Z_OK;
  // In growing pieces: a short file must not make room for the longest that is allowed.
  while (status == Z_OK && content.size() <= most_bytes) {
    const auto before = content.size();
    content.resize(
        std::min(most_bytes + 1, std::max<std::size_t>(2 * before, std::size_t{1} << 16U)));
    stream.next_out = reinterpret_cast<Bytef*>(content.data() + before);
    stream.avail_out = static_cast<uInt>(content.size() - before);
    status = inflate(&stream, Z_NO_FLUSH);
  }
  content.resize(stream.total_out);
  inflateEnd(&stream);
  if (status != Z_STREAM_END || content.size() > most_bytes) return std::nullopt;
  return content;
}

namespace {

using namespace mat;

struct Element {
  std::uint32_t type;
  std::string_view content;
};

/// Takes elements off the front of the bytes of a matrix.
class Walker {
 public:
  Walker(std::string_view bytes, int deepest) : bytes_(bytes), deepest_(deepest) {}

  bool has_whole_value() {
    const auto found = next();
    return found && found->type == matrix && Walker(found->content, deepest_ - 1).is_whole_matrix();
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::optional<Element> next() {
    if (bytes_.size() < tag) return std::nullopt;
    const auto first = word(bytes_, 0);
    if (first >> 16U != 0) {  // up to four bytes of data stand in the tag itself
      if (first >> 16U > 4) return std::nullopt;
      const Element found{first & 0xffffU, bytes_.substr(4, first >> 16U)};
      bytes_.remove_prefix(tag);
      return found;
    }
    const std::size_t length = word(bytes_, 4);
    if (length > bytes_.size() - tag) return std::nullopt;
    const Element found{first, bytes_.substr(tag, length)};
    bytes_.remove_prefix(std::min(bytes_.size(), tag + (length + 7) / 8 * 8));
    return found;
  }

  // How many values the dimensions say, where so many bytes are left at least.
  std::optional<std::size_t> count_of(const Element& dimensions) const {
    if (dimensions.type != int32 || dimensions.content.size() % 4 != 0 ||
        dimensions.content.size() < 8 || dimensions.content.size() > 32)
      return std::nullopt;
    std::uint64_t count = 1;
    bool none = false;  // 48 x 0 is short however large its other side is
    for (std::size_t at = 0; at < dimensions.content.size(); at += 4) {
      const auto size = word(dimensions.content, at);
      if (size > 0x7fffffffU) return std::nullopt;
      none = none || size == 0;
      count = std::min<std::uint64_t>(count * size, std::uint64_t{1} << 32U);
    }
    if (none) return 0;
    if (count > bytes_.size()) return std::nullopt;
    return count;
  }

  bool has_whole_values(std::size_t count) {
    if (deepest_ < 1) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (!has_whole_value()) return false;
    }
    return true;
  }

  bool is_whole_struct(std::size_t count) {
    const auto length = next(), names = next();
    if (!length || !names || length->type != int32 || length->content.size() != 4 ||
        names->type != int8)
      return false;
    const std::size_t each = word(length->content, 0);
    if (each == 0 || each > 64 || names->content.size() % each != 0) return false;
    for (std::size_t last = each; last <= names->content.size(); last += each) {
      if (names->content[last - 1] != '\0') return false;
    }
    const auto fields = names->content.size() / each;
    return (fields == 0 || count <= bytes_.size() / fields) && has_whole_values(fields * count);
  }

  bool is_whole_matrix() {
    if (bytes_.empty()) return true;  // an empty cell's content
    const auto flags = next(), dimensions = next();
    if (!flags || flags->type != uint32 || flags->content.size() != 8 || !dimensions) return false;
    const auto count = count_of(*dimensions);
    const auto name = next();
    if (!count || !name || name->type != int8) return false;
    const auto kind = word(flags->content, 0) & 0xffU;
    if ((word(flags->content, 0) & complex_flag) != 0) return false;
    if (kind == cell_class) return has_whole_values(*count) && at_end();
    if (kind == struct_class) return is_whole_struct(*count) && at_end();
    const bool characters = kind == char_class;
    if (!characters && (kind < double_class || kind > uint64_class)) return false;
    if (*count == 0 && at_end()) return true;  // some writers leave the data of nothing out
    const auto data = next();
    return data && at_end() && data->content.size() >= *count &&
           (is_number_type(data->type) ||
            (characters && data->type >= utf8 && data->type <= utf32));
  }

  std::string_view bytes_;
  int deepest_;
};

}  // namespace

bool holds_only_whole_values(std::string_view bytes, std::size_t most_bytes, int deepest) {
  if (!is_file(bytes)) return false;
  for (std::size_t at = file_header; at < bytes.size();) {
    if (bytes.size() - at < tag) return false;
    const std::size_t length = word(bytes, at + 4);
    if (length > bytes.size() - at - tag) return false;
    std::optional<std::string> unpacked;
    auto element = bytes.substr(at, tag + length);
    if (word(bytes, at) == compressed) {
      unpacked = inflated(element.substr(tag), most_bytes);
      if (!unpacked) return false;
      element = *unpacked;
    }
    Walker walker(element, deepest);
    if (element.size() > most_bytes || !walker.has_whole_value() || !walker.at_end()) return false;
    at += tag + length;
  }
  return true;
}

}  // namespace neurosplat
