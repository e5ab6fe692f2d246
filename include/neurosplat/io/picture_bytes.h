#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

/// Pictures that come and go as bytes, over a socket say, instead of files.
namespace neurosplat {

/// A PNG, JPEG, BMP or WebP picture as uint8 [3, H, W] RGB. Its header is read before it is
/// decoded: throws Error, one line, for what is no whole picture and for more than `most_pixels`.
at::Tensor decode_picture(std::string_view bytes, std::uint64_t most_pixels);

/// A picture, float [3, H, W] in [0, 1] (clamped), as JPEG (quality 92) or PNG.
std::string encode_jpeg(const at::Tensor& picture);
std::string encode_png(const at::Tensor& picture);

/// Base64 (RFC 4648, with padding).
std::string to_base64(std::string_view bytes);
/// Its inverse; no line breaks, nothing after the padding. Throws Error.
std::string from_base64(std::string_view text);

}  // namespace neurosplat
