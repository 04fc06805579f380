#pragma once

namespace p2p::engine {

/// The type of the arithmetic and of the weights in memory.
enum class Precision { f32, bf16 };

}  // namespace p2p::engine
