#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

namespace neurosplat {

/// Whether a file's name says that it is a picture: .jpg, .jpeg, .png, .bmp or .webp, in any case.
bool is_picture_name(const std::filesystem::path& path);

/// Reads a picture as uint8 [3, H, W] RGB; grey, 16-bit and alpha pictures are converted.
/// Throws Error when the file is missing or is no picture.
at::Tensor read_picture(const std::filesystem::path& path);

/// A picture's brightness (0.299 R + 0.587 G + 0.114 B of a colour picture) as its file has it,
/// float32 [H, W], 1 where it is as bright as the file's own depth (8 or 16 bits) allows. Throws
/// Error as read_picture does.
at::Tensor read_grey_levels(const std::filesystem::path& path);

/// A picture's luminance in linear light, float32 [H, W] in [0, 1]. 8-bit pictures are taken to be
/// sRGB, whose curve (IEC 61966-2-1) is undone in each channel before those are weighted (0.2126 R
/// + 0.7152 G + 0.0722 B); 16-bit ones to be linear already. Throws Error as read_picture does.
at::Tensor read_linear_grey(const std::filesystem::path& path);

/// uint8 [3, H, W] to uint8 [3, size, size]: the centre square, scaled so that the short side
/// becomes `size` (area filter when shrinking, bilinear when enlarging).
at::Tensor centre_square(const at::Tensor& picture, std::int64_t size);

/// centre_square() as brightness (0.299 R + 0.587 G + 0.114 B), float64 [size, size] in [0, 1].
at::Tensor grey_square(const at::Tensor& picture, std::int64_t size);

/// read_picture and centre_square in one, into the caller's uint8 [3, side, side]. With
/// `first_crop` above 0 only the centre square of at most that many pixels a side is kept first
/// (CelebA's 178).
void decode_centre_square(const std::filesystem::path& path, std::int64_t side,
                          std::uint8_t* planes, std::int64_t first_crop = 0);

/// float [3, H, W] in [0, 1] (clamped) to uint8 [H, W, 3] on the CPU, blue first: what OpenCV
/// encodes and shows.
at::Tensor to_bgr_pixels(const at::Tensor& picture);

/// Writes a picture, float [3, H, W] in [0, 1] (clamped), as PNG, whole or not at all.
void write_png(const std::filesystem::path& path, const at::Tensor& picture);

/// The same of pixels as to_bgr_pixels() gives them, without a copy.
void write_png_pixels(const std::filesystem::path& path, const at::Tensor& pixels);

}  // namespace neurosplat
