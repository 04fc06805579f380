#include "engine/sampling/numerics.hpp"

#include <array>
#include <cmath>
#include <numbers>

namespace p2p::engine::numpy {

std::vector<double> linspace(double start, double stop, int count) {
  std::vector<double> values(static_cast<std::size_t>(count), start);
  if (count == 1) return values;
  const double step = (stop - start) / (count - 1);
  for (int i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = i * step + start;
  values.back() = stop;
  return values;
}

std::vector<double> arange_down(double start, double step) {
  const double rounded_step = (start - step) - start;
  std::vector<double> values(static_cast<std::size_t>(std::ceil(-start / -step)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<double>(i) * rounded_step;
  return values;
}

float log(float x) {
  // A rational approximation of log(1 + y) around 1, with numpy's coefficients (NPY_COEFF_P*_LOGf, NPY_COEFF_Q*_LOGf).
  constexpr std::array<float, 6> numerator{0.0F,
                                           9.999999999999998702752e-01F,
                                           2.112677543073053063722e+00F,
                                           1.480000633576506585156e+00F,
                                           3.808837741388407920751e-01F,
                                           2.589979117907922693523e-02F};
  constexpr std::array<float, 6> denominator{1.0F,
                                             2.612677543073109236779e+00F,
                                             2.453006071784736363091e+00F,
                                             9.864942958519418960339e-01F,
                                             1.546476374983906719538e-01F,
                                             5.875095403124574342950e-03F};
  if (!(x > 0) || std::isinf(x)) return std::log(x);
  int exponent = 0;
  float mantissa = std::frexp(x, &exponent);
  if (mantissa <= std::numbers::sqrt2_v<float> / 2) {
    mantissa *= 2;
    --exponent;
  }
  const float y = mantissa - 1.0F;
  float above = numerator.back();
  float below = denominator.back();
  for (std::size_t i = numerator.size() - 1; i-- > 0;) {
    above = std::fma(above, y, numerator[i]);
    below = std::fma(below, y, denominator[i]);
  }
  return std::fma(static_cast<float>(exponent), std::numbers::ln2_v<float>, above / below);
}

double interp(double x, std::span<const float> values) {
  if (!(x > 0)) return values.front();
  const double last = static_cast<double>(values.size() - 1);
  if (x >= last) return values.back();
  const double below = std::floor(x);
  const double value = values[static_cast<std::size_t>(below)];
  const double slope = values[static_cast<std::size_t>(below) + 1] - value;
  return slope * (x - below) + value;
}

}  // namespace p2p::engine::numpy

namespace p2p::engine::torch {

std::vector<float> linspace(double start, double stop, std::size_t count) {
  const auto first = static_cast<float>(start);
  const auto last = static_cast<float>(stop);
  const float step = (last - first) / static_cast<float>(count - 1);
  std::vector<float> values(count);
  // torch counts from the nearer end and fuses multiply and add.
  for (std::size_t i = 0; i < count; ++i)
    values[i] = i < count / 2 ? std::fma(step, static_cast<float>(i), first) : std::fma(-step, static_cast<float>(count - 1 - i), last);
  return values;
}

}  // namespace p2p::engine::torch
