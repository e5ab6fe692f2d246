#include "neurosplat/io/idx_file.h"

#include <ATen/ATen.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string_view>
#include <vector>

#include "io/file_bytes.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30U;
constexpr std::uint64_t most_inflated = 1032;  // bytes that deflate makes of one, by its format
constexpr std::size_t chunk = std::size_t{1} << 16U;
constexpr int gzip_window = 15 + 16;  // the widest, with gzip's header and checksum

/// What a file holds, from its start to its end; unpacked where it is packed.
class Content {
 public:
  explicit Content(OpenFile file) : file_(std::move(file)), input_(chunk) {
    const auto first = file_.stream.peek();
    std::array<char, 2> mark{};
    file_.stream.read(mark.data(), mark.size());
    packed_ = first == 0x1f && file_.stream.gcount() == 2 && mark[1] == '\x8b';
    file_.stream.clear();
    file_.stream.seekg(0);
    if (packed_ && inflateInit2(&unpacking_, gzip_window) != Z_OK)
      throw Error("there is not the memory to unpack it");
  }
  ~Content() {
    if (packed_) inflateEnd(&unpacking_);
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  /// Refuses at once what cannot be, before room is made for it.
  void check_length(std::uint64_t header, std::uint64_t body) const {
    if (packed_ ? header + body > most_inflated * file_.size : header + body > file_.size)
      throw Error(text("its header claims ", body, " bytes, the file is too short for them"));
  }

  void read(std::uint8_t* destination, std::size_t count) {
    if (take(destination, count) != count) throw Error("it is cut short");
  }

  void expect_end() {
    std::uint8_t more = 0;
    if (take(&more, 1) != 0) throw Error("it goes on after what its header claims");
    if (packed_ && (!ended_ || unpacking_.avail_in > 0 || !refill_is_empty()))
      throw Error(ended_ ? "it goes on after the end of what is packed" : "it is cut short");
  }

 private:
  std::size_t take(std::uint8_t* destination, std::size_t count) {
    if (packed_) return unpack(destination, count);
    file_.stream.read(reinterpret_cast<char*>(destination), static_cast<std::streamsize>(count));
    return static_cast<std::size_t>(file_.stream.gcount());
  }

  std::size_t unpack(std::uint8_t* destination, std::size_t count) {
    unpacking_.next_out = destination;
    unpacking_.avail_out = static_cast<uInt>(count);  // most_bytes fits
    while (unpacking_.avail_out > 0 && !ended_) {
      if (unpacking_.avail_in == 0 && refill_is_empty()) break;
      const int status = inflate(&unpacking_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END) throw Error("what is packed in it is damaged");
      ended_ = status == Z_STREAM_END;
    }
    return count - unpacking_.avail_out;
  }

  bool refill_is_empty() {
    file_.stream.read(reinterpret_cast<char*>(input_.data()), chunk);
    unpacking_.next_in = input_.data();
    unpacking_.avail_in = static_cast<uInt>(file_.stream.gcount());
    return unpacking_.avail_in == 0;
  }

  OpenFile file_;
  std::vector<Bytef> input_;
  z_stream unpacking_{};
  bool packed_ = false, ended_ = false;
};

std::string_view name_of_type(std::uint8_t type) {
  switch (type) {
    case 0x09:
      return "signed bytes";
    case 0x0b:
      return "16-bit integers";
    case 0x0c:
      return "32-bit integers";
    case 0x0d:
      return "32-bit floats";
    case 0x0e:
      return "64-bit floats";
    default:
      return "an unknown type";
  }
}

at::Tensor read_numbers(OpenFile file) {
  Content content(std::move(file));
  std::array<std::uint8_t, 4> mark{};
  content.read(mark.data(), mark.size());
  if (mark[0] != 0 || mark[1] != 0) throw Error("it does not start like one");
  if (mark[2] != 0x08)
    throw Error(text("it holds ", name_of_type(mark[2]), ", not unsigned bytes"));
  if (mark[3] < 1 || mark[3] > 4)
    throw Error(text("it has ", static_cast<int>(mark[3]), " dimensions, not 1 to 4"));
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 1;
  for (int dimension = 0; dimension < mark[3]; ++dimension) {
    std::array<std::uint8_t, 4> digits{};
    content.read(digits.data(), digits.size());
    std::uint64_t size = 0;
    for (const auto digit : digits) size = size << 8U | digit;
    if (size == 0) throw Error("it claims a dimension of 0");
    bytes *= size;  // below 2^62: both factors are checked
    if (bytes > most_bytes) throw Error(text("it claims more than ", most_bytes, " bytes"));
    shape.push_back(static_cast<std::int64_t>(size));
  }
  content.check_length(mark.size() + 4 * shape.size(), bytes);
  auto numbers = at::empty(shape, at::TensorOptions(at::kByte));
  content.read(numbers.mutable_data_ptr<std::uint8_t>(), bytes);
  content.expect_end();
  return numbers;
}

}  // namespace

at::Tensor read_idx(const std::filesystem::path& path) {
  auto file = open_file(path, "an IDX file");
  const auto refuse = [&](std::string_view got) {
    return Error(
        text("expected an IDX file at ", path.string(), ", ", got, ": fetch or write it again"));
  };
  try {
    return read_numbers(std::move(file));
  } catch (const Error& error) {
    throw refuse(error.what());
  } catch (const std::exception&) {
    throw refuse("there is not the memory to read it");
  }
}

}  // namespace neurosplat
