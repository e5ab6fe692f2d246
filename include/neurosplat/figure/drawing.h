#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <string>
#include <vector>

/// Marks on pictures, float [3, H, W] in [0, 1] on the CPU. Each function returns a new picture;
/// what lies outside is cut off.
namespace neurosplat {

using Colour = std::array<float, 3>;  ///< red, green, blue in [0, 1]

/// A place in a picture, pixels.
struct Place {
  double row, column;
};

inline constexpr Colour kWhite = {1.0F, 1.0F, 1.0F};
inline constexpr Colour kYellow = {1.0F, 0.85F, 0.1F};
inline constexpr Colour kGreen = {0.2F, 0.9F, 0.4F};
inline constexpr Colour kRed = {0.95F, 0.25F, 0.2F};

/// A band of 20 pixels above the picture that holds `label`; too long a label is cut.
at::Tensor with_label(const at::Tensor& picture, const std::string& label);

/// A circle of `radius` pixels round each place.
at::Tensor with_rings(const at::Tensor& picture, const std::vector<Place>& places, double radius,
                      const Colour& colour);

/// Lines from each place to the next, the places numbered from 1.
at::Tensor with_path(const at::Tensor& picture, const std::vector<Place>& places,
                     const Colour& colour);

/// The outline of rows [top, bottom) and columns [left, right).
at::Tensor with_box(const at::Tensor& picture, int top, int bottom, int left, int right,
                    const Colour& colour);

/// One line for each curve in a frame of `height` x `width` pixels, white on it, the axes from
/// the smallest to the largest number and labelled with them. All curves share `x`.
struct Curve {
  std::string name;
  std::vector<double> y;
  Colour colour;
};
at::Tensor draw_curves(const std::vector<double>& x, const std::vector<Curve>& curves,
                       const std::string& x_name, int height, int width);

/// Grey [H, W] to [3, H, W].
at::Tensor grey_picture(const at::Tensor& map);

/// A map [H, W], clamped to [0, 1], in matplotlib's magma.
at::Tensor magma(const at::Tensor& map);

/// A map [H, W], clamped to [-1, 1]: blue below zero, white at zero, red above.
at::Tensor diverging(const at::Tensor& map);

/// Pictures [3, H, W] of one size as rows of a sheet, `gap` black pixels between them.
at::Tensor sheet_of(const std::vector<std::vector<at::Tensor>>& rows, int gap = 4);

}  // namespace neurosplat
