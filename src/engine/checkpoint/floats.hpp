#pragma once

#include <span>
#include <vector>

#include "engine/checkpoint/dtype.hpp"

// Conversions of tensors' elements, equal to torch's.
namespace p2p::engine {

/// Elements as f32, times their scales. Throws ModelError for F8_E8M0; integers are rounded to nearest, true is 1.
std::vector<float> to_floats(const TensorView& view);
/// Elements [begin, begin + out.size()) as f32.
void to_floats(const TensorView& view, std::size_t begin, std::span<float> out);
/// Rounds to nearest even into `out`, which is f32 or bf16 and holds as many elements from `begin` on.
void from_floats(std::span<const float> values, DType dtype, std::byte* out);

}  // namespace p2p::engine
