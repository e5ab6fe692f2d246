#include "io/file_bytes.h"

#include <cerrno>
#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

OpenFile open_file(const std::filesystem::path& path, std::string_view expected) {
  const auto refuse = [&](std::string_view got) -> Error {
    return Error(text("expected ", expected, " at ", path.string(), ", ", got));
  };
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (status.type() == std::filesystem::file_type::not_found)
    throw refuse("there is nothing: check the path");
  if (std::filesystem::is_directory(status))
    throw refuse("that is a folder: give the path of a file");
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw refuse("that is a device or a pipe: give the path of a file");
  const auto size = std::filesystem::file_size(path, failure);
  if (failure) throw refuse("it cannot be read: " + failure.message());
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw refuse("it cannot be read: " + std::generic_category().message(errno));
  return {std::move(stream), size};
}

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path, std::string_view expected,
                                     std::uint64_t most) {
  auto file = open_file(path, expected);
  if (file.size > most)
    throw Error(text("expected ", expected, " of at most ", most, " bytes at ", path.string(),
                     ", it has ", file.size));
  std::vector<std::uint8_t> bytes(file.size);
  file.stream.read(reinterpret_cast<char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
  if (static_cast<std::uint64_t>(file.stream.gcount()) != file.size)
    throw Error(text("expected ", file.size, " bytes in ", path.string(), ", read ",
                     file.stream.gcount(), ": the file changed or its disk fails"));
  return bytes;
}

}  // namespace neurosplat
