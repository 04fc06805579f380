#include "engine/models/stable_diffusion/blocks.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr float kTransformerEps = 1e-6F;
constexpr float kLayerEps = 1e-5F;

// [N, C, H, W] -> [N, H*W, C], channels last for linear layers and norms.
Value to_tokens(const Value& x) {
  const auto channels = static_cast<std::int64_t>(x.get_shape()[1]);
  return ops::reshape(ops::to_channels_last(x), {0, -1, channels});
}

// The inverse, to the height and width of `like`.
Value from_tokens(const Value& x, const Value& like) {
  const std::vector<std::size_t>& shape = like.get_shape();
  const auto size = [&](std::size_t i) { return static_cast<std::int64_t>(shape[i]); };
  return ops::to_channels_first(ops::reshape(x, {0, size(2), size(3), size(1)}));
}

// proj_in and proj_out.
Value project(const Value& x, const Scope& scope, ops::Features features, bool linear) {
  return linear ? ops::linear(x, scope, features) : ops::pointwise_conv2d(x, scope, features);
}

Value feed_forward(const Value& x, const Scope& scope, std::size_t channels) {
  const auto hidden = static_cast<std::int64_t>(4 * channels);
  const auto parts = ops::split(ops::linear(x, scope / "net" / 0 / "proj", {.in = channels, .out = 8 * channels}), 2, {hidden, hidden});
  return ops::linear(ops::mul(parts[0], ops::gelu(parts[1])), scope / "net" / 2, {.in = 4 * channels, .out = channels});
}

Value basic_transformer_block(Value x, const Scope& scope, const Transformer& transformer) {
  const std::size_t c = transformer.inner();
  const std::size_t heads = transformer.heads;
  const auto norm = [&](const char* name) { return ops::layer_norm(x, kLayerEps, scope / name, c); };
  const auto of_pixels = [&](const Value& v, const Scope& attention, const char* name) {
    return ops::split_heads(ops::linear(v, attention / name, {.in = c, .out = c, .bias = false}), heads);
  };
  const auto join = [&](const Value& attended, const Scope& attention) {
    x = ops::add(x, ops::linear(attended, attention / "to_out" / 0, {.in = c, .out = c}));
  };

  const Scope self = scope / "attn1";
  const Value pixels = norm("norm1");
  join(ops::attention(of_pixels(pixels, self, "to_q"), of_pixels(pixels, self, "to_k"), of_pixels(pixels, self, "to_v")), self);

  const Scope cross = scope / "attn2";
  const ov::PartialShape text{transformer.batch, static_cast<std::int64_t>(heads), transformer.tokens,
                              static_cast<std::int64_t>(c / heads)};
  const Value k = scope.graph().input(cross.path() + ".k", text);
  const Value v = scope.graph().input(cross.path() + ".v", text);
  join(ops::attention(of_pixels(norm("norm2"), cross, "to_q"), k, v), cross);

  return ops::add(x, feed_forward(norm("norm3"), scope / "ff", c));
}

}  // namespace

Value resnet_block(const Value& x, const Scope& scope, ops::Features features, Norm norm, const std::optional<Value>& time,
                   float scale_factor) {
  const ops::Conv conv{.padding = 1};
  const auto activated = [&](const Value& v, const char* name, std::size_t channels) {
    return ops::silu(ops::group_norm(v, norm.groups, norm.eps, scope / name, channels));
  };
  Value h = ops::conv2d(activated(x, "norm1", features.in), scope / "conv1", features, conv);
  if (time) h = ops::add(h, *time);
  h = ops::conv2d(activated(h, "norm2", features.out), scope / "conv2", {.in = features.out, .out = features.out}, conv);
  const Value sum = ops::add(features.in == features.out ? x : ops::conv2d(x, scope / "conv_shortcut", features, {.kernel = 1}), h);
  return scale_factor == 1 ? sum : ops::div(sum, ops::scalar(scale_factor));
}

Value downsample(const Value& x, const Scope& scope, std::size_t channels, std::size_t padding) {
  return ops::conv2d(x, scope / "conv", {.in = channels, .out = channels},
                     {.stride = 2, .padding = padding, .more_padding = padding == 0 ? 1U : 0U});
}

Value upsample(const Value& x, const Scope& scope, std::size_t channels, std::size_t height, std::size_t width) {
  return ops::conv2d(ops::resize_nearest(x, height, width), scope / "conv", {.in = channels, .out = channels}, {.padding = 1});
}

std::string cross_attention_path(const std::string& path, std::size_t layer) {
  return path + ".transformer_blocks." + std::to_string(layer) + ".attn2";
}

Graph cross_attention_text(Weights& weights, const std::string& path, const Transformer& transformer) {
  Graph graph(path, Graph::WeightUse::streamed);
  const Scope scope(weights, graph, path);
  const Value text = graph.input("embedding", {transformer.batch, transformer.tokens, static_cast<std::int64_t>(transformer.text_width)});
  for (const char* name : {"k", "v"}) {
    const ops::Features features{.in = transformer.text_width, .out = transformer.inner(), .bias = false};
    graph.output(name, ops::split_heads(ops::linear(text, scope / (std::string("to_") + name), features), transformer.heads));
  }
  return graph;
}

Value transformer_2d(const Value& x, const Scope& scope, const Transformer& transformer) {
  const std::size_t c = transformer.channels;
  const std::size_t inner = transformer.inner();
  Value h = to_tokens(ops::group_norm(x, transformer.groups, kTransformerEps, scope / "norm", c));
  h = project(h, scope / "proj_in", {.in = c, .out = inner}, transformer.linear_projection);
  for (std::size_t i = 0; i < transformer.layers; ++i) h = basic_transformer_block(h, scope / "transformer_blocks" / i, transformer);
  h = project(h, scope / "proj_out", {.in = inner, .out = c}, transformer.linear_projection);
  return ops::add(x, from_tokens(h, x));
}

Value spatial_attention(const Value& x, const Scope& scope, std::size_t channels, Norm norm) {
  // Names of diffusers before 2023.
  const bool old = scope.has("query.weight");
  const auto part = [&](const Value& v, const char* now, const char* then) {
    return ops::linear(v, scope / (old ? then : now), {.in = channels, .out = channels});
  };
  const Value pixels = to_tokens(ops::group_norm(x, norm.groups, norm.eps, scope / "group_norm", channels));
  const auto head = [&](const char* now, const char* then) { return ops::split_heads(part(pixels, now, then), 1); };
  const Value attended = ops::attention(head("to_q", "query"), head("to_k", "key"), head("to_v", "value"));
  return ops::add(x, from_tokens(part(attended, "to_out.0", "proj_attn"), x));
}

}  // namespace p2p::engine::stable_diffusion
