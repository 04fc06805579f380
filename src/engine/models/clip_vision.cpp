#include "engine/models/clip_vision.hpp"

#include "engine/graph/ops.hpp"

namespace p2p::engine {
namespace {

Value embed(const ClipVisionConfig& config, const Value& pixels, const Scope& scope) {
  const std::size_t width = config.hidden_size;
  const std::size_t side = config.image_size / config.patch_size;
  const ops::Conv patch{.kernel = config.patch_size, .stride = config.patch_size};
  const Value map = ops::conv2d(pixels, scope / "patch_embedding", {.in = 3, .out = width, .bias = false}, patch);
  const Value patches = ops::reshape(ops::to_channels_last(map), {1, -1, static_cast<std::int64_t>(width)});
  const Value tokens = ops::concat({scope.weight("class_embedding", {width}, {1, 1, width}), patches}, 1);
  const std::size_t count = side * side + 1;
  return ops::add(tokens, (scope / "position_embedding").weight("weight", {count, width}, {1, count, width}));
}

}  // namespace

ClipVisionConfig ClipVisionConfig::load(const ConfigReader& reader) {
  ClipVisionConfig config;
  static_cast<ClipEncoderConfig&>(config) =
      ClipEncoderConfig::load(reader, {.hidden_size = 768, .intermediate_size = 3072, .num_hidden_layers = 12, .num_attention_heads = 12});
  config.image_size = reader.size("image_size", 1, 4096, 224);
  config.patch_size = reader.size("patch_size", 1, 4096, 32);
  if (config.patch_size > config.image_size) {
    reader.fail("patch_size",
                "expected at most image_size " + std::to_string(config.image_size) + ", found " + std::to_string(config.patch_size));
  }
  reader.size("num_channels", 3, 3, 3);
  return config;
}

Value build_clip_vision(const ClipVisionConfig& config, const Scope& root) {
  const auto size = static_cast<std::int64_t>(config.image_size);
  const auto norm = [&](const Value& v, const char* name) {
    return ops::layer_norm(v, config.layer_norm_eps, root / name, config.hidden_size);
  };
  Value x = norm(embed(config, root.graph().input("pixel_values", {1, 3, size, size}), root / "embeddings"), "pre_layrnorm");
  for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
    x = clip_encoder_layer(config, x, nullptr, root / "encoder" / "layers" / i);
  }
  const auto side = static_cast<std::int64_t>(config.image_size / config.patch_size);
  return norm(ops::split(x, 1, {1, side * side}).front(), "post_layernorm");  // the class token
}

}  // namespace p2p::engine
