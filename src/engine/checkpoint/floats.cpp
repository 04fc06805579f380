#include "engine/checkpoint/floats.hpp"

#include <bit>
#include <cstring>
#include <limits>

#include "base/error.hpp"

namespace p2p::engine {
namespace {

float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000u) << 16;
  const int exponent = (h >> 10) & 31;
  const std::uint32_t mantissa = h & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (static_cast<std::uint32_t>(exponent + 112) << 23) | (mantissa << 13));
}

// E5M2 is the upper half of F16.
float e5m2_to_float(std::uint8_t bits) { return half_to_float(static_cast<std::uint16_t>(bits << 8)); }

// Four bits of exponent with a bias of 7, no infinity, and NaN only with all bits set.
float e4m3_to_float(std::uint8_t bits) {
  const std::uint32_t sign = (bits & 0x80u) << 24;
  const std::uint32_t exponent = (bits >> 3) & 15u;
  const std::uint32_t mantissa = bits & 7u;
  if ((bits & 0x7fu) == 0x7fu) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-9f;
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 120) << 23) | (mantissa << 20));
}

std::uint16_t to_bfloat(float value) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<std::uint16_t>(bits >> 16);
}

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Elements of type T, each converted.
template <typename T>
void convert(const std::byte* from, std::span<float> out, auto to_float) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = to_float(load<T>(from + i * sizeof(T)));
}

template <typename T>
void convert(const std::byte* from, std::span<float> out) {
  convert<T>(from, out, [](T value) { return static_cast<float>(value); });
}

// Out of range is undefined in C++; torch makes it infinite.
float double_to_float(double value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  constexpr double kRoundsUp = kMost + 0x1p+103;  // half a step above
  if (value >= kRoundsUp) return std::numeric_limits<float>::infinity();
  if (value <= -kRoundsUp) return -std::numeric_limits<float>::infinity();
  if (value > kMost) return std::numeric_limits<float>::max();
  if (value < -kMost) return -std::numeric_limits<float>::max();
  return static_cast<float>(value);
}

void convert(const TensorView& view, const std::byte* from, std::span<float> out) {
  switch (view.dtype) {
    case DType::f64:
      return convert<double>(from, out, double_to_float);
    case DType::f32:
      std::memcpy(out.data(), from, out.size_bytes());
      return;
    case DType::f16:
      return convert<std::uint16_t>(from, out, half_to_float);
    case DType::bf16:
      return convert<std::uint16_t>(from, out, [](std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); });
    case DType::f8_e4m3:
      return convert<std::uint8_t>(from, out, e4m3_to_float);
    case DType::f8_e5m2:
      return convert<std::uint8_t>(from, out, e5m2_to_float);
    case DType::i64:
      return convert<std::int64_t>(from, out);
    case DType::i32:
      return convert<std::int32_t>(from, out);
    case DType::i16:
      return convert<std::int16_t>(from, out);
    case DType::i8:
      return convert<std::int8_t>(from, out);
    case DType::u64:
      return convert<std::uint64_t>(from, out);
    case DType::u32:
      return convert<std::uint32_t>(from, out);
    case DType::u16:
      return convert<std::uint16_t>(from, out);
    case DType::u8:
      return convert<std::uint8_t>(from, out);
    case DType::boolean:
      return convert<std::uint8_t>(from, out, [](std::uint8_t value) { return value != 0 ? 1.0F : 0.0F; });
    case DType::f8_e8m0:
      break;
  }
  throw ModelError("a tensor of type " + std::string(name_of(view.dtype)) + " where numbers are needed");
}

}  // namespace

void to_floats(const TensorView& view, std::size_t begin, std::span<float> out) {
  if (out.empty()) return;  // the address of an empty tensor may be null, which memcpy does not accept
  convert(view, view.data.data() + begin * size_of(view.dtype), out);
  if (view.scales.empty()) return;
  const std::size_t row = view.data.size() / size_of(view.dtype) / view.scales.size();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] *= view.scales[(begin + i) / row];
}

std::vector<float> to_floats(const TensorView& view) {
  std::vector<float> values(view.data.size() / size_of(view.dtype));
  to_floats(view, 0, values);
  return values;
}

void from_floats(std::span<const float> values, DType dtype, std::byte* out) {
  if (values.empty()) return;
  if (dtype == DType::f32) {
    std::memcpy(out, values.data(), values.size_bytes());
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t rounded = to_bfloat(values[i]);
    std::memcpy(out + 2 * i, &rounded, sizeof rounded);
  }
}

}  // namespace p2p::engine
