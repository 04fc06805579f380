#pragma once

namespace p2p::engine {

/// What the arithmetic is done in; weights are held in it too.
enum class Precision { f32, bf16 };

}  // namespace p2p::engine
