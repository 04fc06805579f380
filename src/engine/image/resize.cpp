#include "engine/image/resize.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.hpp"

// Port of Pillow's Resample.c: weights in double, then sums of 8-bit values in fixed point.
namespace p2p::engine {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;

double sinc(double x) { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

/// One output is the weighted sum of the inputs from `first` on.
struct Window {
  std::size_t first;
  std::vector<int> weights;
};

std::vector<Window> windows(int in, int out, ResizeFilter filter) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (filter == ResizeFilter::bicubic ? 2.0 : 3.0) * filter_scale;
  std::vector<Window> all;
  std::vector<double> weights;
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(std::trunc(center - support + 0.5)), 0);
    const int last = std::min(static_cast<int>(std::trunc(center + support + 0.5)), in);
    weights.clear();
    double sum = 0;
    for (int k = first; k < last; ++k) {
      const double x = (k - center + 0.5) * (1 / filter_scale);
      sum += weights.emplace_back(filter == ResizeFilter::bicubic ? bicubic(x) : lanczos(x));
    }
    Window& window = all.emplace_back(static_cast<std::size_t>(first));
    for (double weight : weights) {
      if (sum != 0) weight /= sum;
      window.weights.push_back(static_cast<int>(weight * (1 << kPrecisionBits) + (weight < 0 ? -0.5 : 0.5)));
    }
  }
  return all;
}

/// The weighted sum of the window's values, which are `stride` bytes apart.
std::uint8_t weighted(const Window& window, const std::uint8_t* values, std::size_t stride) {
  int sum = 1 << (kPrecisionBits - 1);
  values += window.first * stride;
  for (const int weight : window.weights) {
    sum += *values * weight;
    values += stride;
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

std::size_t size_of(int width, int height) { return 3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height); }

Image resize_rows(const Image& image, int width, ResizeFilter filter) {
  if (width == image.width) return image;
  Image result{.width = width, .height = image.height, .rgb = std::vector<std::uint8_t>(size_of(width, image.height))};
  const std::vector<Window> columns = windows(image.width, width, filter);
  std::uint8_t* out = result.rgb.data();
  for (int y = 0; y < image.height; ++y)
    for (const Window& window : columns)
      for (std::size_t channel = 0; channel < 3; ++channel)
        *out++ = weighted(window, image.rgb.data() + size_of(image.width, y) + channel, 3);
  return result;
}

Image resize_columns(const Image& image, int height, ResizeFilter filter) {
  if (height == image.height) return image;
  Image result{.width = image.width, .height = height, .rgb = std::vector<std::uint8_t>(size_of(image.width, height))};
  const std::size_t row = size_of(image.width, 1);
  std::uint8_t* out = result.rgb.data();
  for (const Window& window : windows(image.height, height, filter))
    for (std::size_t k = 0; k < row; ++k) *out++ = weighted(window, image.rgb.data() + k, row);
  return result;
}

}  // namespace

Image resize(const Image& image, int width, int height, ResizeFilter filter) {
  if (image.width <= 0 || image.height <= 0 || width <= 0 || height <= 0 || image.rgb.size() != size_of(image.width, image.height))
    throw Error("image: " + std::to_string(image.rgb.size()) + " bytes of " + std::to_string(image.width) + "x" +
                std::to_string(image.height) + " cannot be resized to " + std::to_string(width) + "x" + std::to_string(height));
  // Each pass rounds, so their order matters. Pillow 13 resizes columns first if that makes the second pass much cheaper. This rule was
  // derived from its results (tools/golden/image.py). Earlier versions always start with the rows.
  const bool columns_first = height < image.height && 2 * (image.width - width) < image.height - height;
  if (columns_first) return resize_rows(resize_columns(image, height, filter), width, filter);
  return resize_columns(resize_rows(image, width, filter), height, filter);
}

}  // namespace p2p::engine
