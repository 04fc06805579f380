#include "engine/checkpoint/dtype.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace p2p::engine {
namespace {

struct Row {
  std::string_view name;
  std::size_t size;
};

// In the order of DType.
constexpr std::array<Row, 16> kRows{{{"F64", 8},
                                     {"F32", 4},
                                     {"F16", 2},
                                     {"BF16", 2},
                                     {"F8_E4M3", 1},
                                     {"F8_E5M2", 1},
                                     {"F8_E8M0", 1},
                                     {"I64", 8},
                                     {"I32", 4},
                                     {"I16", 2},
                                     {"I8", 1},
                                     {"U64", 8},
                                     {"U32", 4},
                                     {"U16", 2},
                                     {"U8", 1},
                                     {"BOOL", 1}}};
static_assert(kRows.size() == static_cast<std::size_t>(DType::boolean) + 1);

const Row& row_of(DType dtype) { return kRows[static_cast<std::size_t>(dtype)]; }

}  // namespace

bool is_floating(DType dtype) {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || is_f8(dtype);
}

bool is_f8(DType dtype) { return dtype == DType::f8_e4m3 || dtype == DType::f8_e5m2; }

std::size_t size_of(DType dtype) { return row_of(dtype).size; }

std::string_view name_of(DType dtype) { return row_of(dtype).name; }

std::optional<DType> dtype_named(std::string_view name) {
  const auto row = std::ranges::find(kRows, name, &Row::name);
  if (row == kRows.end()) return {};
  return static_cast<DType>(row - kRows.begin());
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (const std::size_t dimension : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(dimension);
  return text + "]";
}

std::size_t byte_size(DType dtype, const Shape& shape) {
  std::size_t size = size_of(dtype);
  for (const std::size_t dimension : shape) {
    if (__builtin_mul_overflow(size, dimension, &size)) {
      throw ModelError("the shape " + to_string(shape) + " takes more bytes than can be counted");
    }
  }
  return size;
}

}  // namespace p2p::engine
