#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::engine {

/// Element types of safetensors files. The 8-bit ones are those of OCP: E4M3 (torch's float8_e4m3fn), E5M2, and E8M0, which has no sign.
enum class DType { f64, f32, f16, bf16, f8_e4m3, f8_e5m2, f8_e8m0, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// Whether its elements are weights that can be read; F8_E8M0 has only scales.
bool is_floating(DType dtype);
/// Whether it is one of the 8-bit types of weights.
bool is_f8(DType dtype);

/// Bytes per element.
std::size_t size_of(DType dtype);

/// The name in safetensors files, such as "BF16".
std::string_view name_of(DType dtype);

/// The type with that name, if there is one.
std::optional<DType> dtype_named(std::string_view name);

/// Dimensions, outermost first.
using Shape = std::vector<std::size_t>;

/// "[2, 77, 1024]".
std::string to_string(const Shape& shape);

/// Bytes of a tensor; throws ModelError if the product overflows size_t.
std::size_t byte_size(DType dtype, const Shape& shape);

/// A tensor in memory owned by another object. Little-endian, row-major, contiguous; `data` may be unaligned.
struct TensorView {
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> data;
  /// Factors of the values ("scaled fp8"): one, or one for each index of the first dimension; none: 1.
  std::vector<float> scales = {};
};

}  // namespace p2p::engine
