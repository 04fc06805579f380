#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/graph/graph.hpp"

// Operations under PyTorch's names. Feature maps are channels last, [N, H, W, C]: linear layers and norms, most of the work, need no
// transposition, and convolutions read their input in memory order. Nodes are named after the paths of their weights.
namespace p2p::engine::ops {

/// A size as reshape() and Graph::input() take it.
inline std::int64_t dim(std::size_t size) { return static_cast<std::int64_t>(size); }

Value constant(std::span<const float> values, const Shape& shape);
Value scalar(float value);

Value add(const Value& a, const Value& b);
Value sub(const Value& a, const Value& b);
Value mul(const Value& a, const Value& b);
Value div(const Value& a, const Value& b);
Value abs(const Value& x);

/// -1 is inferred from the other dimensions; 0 keeps the dimension.
Value reshape(const Value& x, const std::vector<std::int64_t>& shape);
Value permute(const Value& x, const std::vector<std::int64_t>& order);
/// [N, H, W, C] -> [N, C, H, W].
Value to_channels_first(const Value& x);
/// [N, C, H, W] -> [N, H, W, C].
Value to_channels_last(const Value& x);
Value concat(const std::vector<Value>& parts, std::int64_t axis);
/// Parts of the given sizes along `axis`.
std::vector<Value> split(const Value& x, std::int64_t axis, const std::vector<std::int64_t>& sizes);

Value gelu(const Value& x);        ///< exact, by erf
Value quick_gelu(const Value& x);  ///< x * sigmoid(1.702 x)
Value silu(const Value& x);
Value leaky_relu(const Value& x, float slope);
Value sigmoid(const Value& x);
Value relu(const Value& x);
Value tanh(const Value& x);

/// Over the last axis, without weights.
Value layer_norm(const Value& x, float eps);
/// Over the last axis, with `weight` and `bias` of scope.
Value layer_norm(const Value& x, float eps, const Scope& scope, std::size_t channels);

/// Over the channels of [N, C, H, W], without weights.
Value channels_norm(const Value& x, float eps);

/// Over the channels of [N, C, H, W] in `groups`, with `weight` and `bias` of scope.
Value group_norm(const Value& x, std::size_t groups, float eps, const Scope& scope, std::size_t channels);

struct Features {
  std::size_t in = 0;
  std::size_t out = 0;
  bool bias = true;  ///< whether the scope has one
};
/// [..., in] -> [..., out] with `weight` [out, in] and `bias` of scope.
Value linear(const Value& x, const Scope& scope, Features features);
/// The same with weights given: `weight` [out, in], `bias` any shape that broadcasts.
Value linear(const Value& x, const Value& weight, const Value& bias);
/// A convolution of one pixel, whose weight is [out, in, 1, 1]: a linear layer on [..., in].
Value pointwise_conv2d(const Value& x, const Scope& scope, Features features);

struct Conv {
  std::size_t kernel = 3;
  std::size_t stride = 1;
  std::size_t padding = 0;
  std::size_t more_padding = 0;  ///< extra padding below and on the right
};
/// [N, in, H, W] -> [N, out, H', W'] with `weight` [out, in, k, k] and `bias` of scope.
Value conv2d(const Value& x, const Scope& scope, Features features, Conv conv);
/// The same with weights given: `bias` [1, out, 1, 1].
Value conv2d(const Value& x, const Value& weight, const Value& bias, Conv conv);
/// Every channel of [N, C, H, W] by itself; weight [C, 1, k, k].
Value depthwise_conv2d(const Value& x, const Scope& scope, std::size_t channels, Conv conv);
/// [N, in, H, W] -> [N, out, H', W']; weight [in, out, k, k].
Value conv_transpose2d(const Value& x, const Scope& scope, Features features, Conv conv);
/// Repeats the border pixels of [N, C, H, W].
Value replication_pad2d(const Value& x, std::int64_t pixels);

/// [N, C, H, W] -> [N, C, height, width], each pixel from the nearest as torch's interpolate(mode="nearest") has it.
Value resize_nearest(const Value& x, std::size_t height, std::size_t width);

/// [N, C, H*r, W*r] -> [N, H, W, C*r*r], channels in torch's order.
Value pixel_unshuffle(const Value& x, std::int64_t r);
/// [N, H, W, C*r*r] -> [N, C, H*r, W*r].
Value pixel_shuffle(const Value& x, std::int64_t r);

/// [N, L, heads*d] -> [N, heads, L, d].
Value split_heads(const Value& x, std::size_t heads);
/// softmax(q k^T / sqrt(d) + mask) v and the heads joined again; q [N, heads, L, d], k and v [N, heads, S, d] -> [N, L, heads*d].
Value attention(const Value& q, const Value& k, const Value& v);
/// `mask` broadcasts to [N, heads, L, S] and is added to the scores.
Value attention(const Value& q, const Value& k, const Value& v, const Value& mask);

/// ConvNeXt V2's response normalisation: x * (1 + gamma * nx) + beta, nx = |x| over H and W by its mean over channels. [N, H, W, C]
Value global_response_norm(const Value& x, const Scope& scope, std::size_t channels);

}  // namespace p2p::engine::ops
