#include "engine/models/clip_encoder.hpp"

#include "engine/graph/ops.hpp"

namespace p2p::engine {
namespace {

Value self_attention(const ClipEncoderConfig& config, const Value& x, const Value* mask, const Scope& scope) {
  const ops::Features square{.in = config.hidden_size, .out = config.hidden_size};
  const auto heads = [&](const char* name) { return ops::split_heads(ops::linear(x, scope / name, square), config.num_attention_heads); };
  const Value q = heads("q_proj");
  const Value k = heads("k_proj");
  const Value v = heads("v_proj");
  return ops::linear(mask != nullptr ? ops::attention(q, k, v, *mask) : ops::attention(q, k, v), scope / "out_proj", square);
}

Value mlp(const ClipEncoderConfig& config, const Value& x, const Scope& scope) {
  const Value h = ops::linear(x, scope / "fc1", {.in = config.hidden_size, .out = config.intermediate_size});
  const Value activated = config.quick_gelu ? ops::quick_gelu(h) : ops::gelu(h);
  return ops::linear(activated, scope / "fc2", {.in = config.intermediate_size, .out = config.hidden_size});
}

}  // namespace

ClipEncoderConfig ClipEncoderConfig::load(const ConfigReader& reader, const ClipEncoderConfig& defaults) {
  ClipEncoderConfig config;
  config.hidden_size = reader.size("hidden_size", 1, 16384, defaults.hidden_size);
  config.intermediate_size = reader.size("intermediate_size", 1, 65536, defaults.intermediate_size);
  config.num_hidden_layers = reader.size("num_hidden_layers", 1, 256, defaults.num_hidden_layers);
  config.num_attention_heads = reader.size("num_attention_heads", 1, 256, defaults.num_attention_heads);
  config.layer_norm_eps = static_cast<float>(reader.number("layer_norm_eps", 0, 1, 1e-5));
  const std::string activation = reader.text("hidden_act", "quick_gelu");
  if (activation != "gelu" && activation != "quick_gelu") {
    reader.fail("hidden_act", "expected gelu or quick_gelu, found \"" + activation + "\"");
  }
  config.quick_gelu = activation == "quick_gelu";
  if (config.hidden_size % config.num_attention_heads != 0) {
    reader.fail("num_attention_heads", "expected a divisor of hidden_size " + std::to_string(config.hidden_size) + ", found " +
                                           std::to_string(config.num_attention_heads));
  }
  return config;
}

Value clip_encoder_layer(const ClipEncoderConfig& config, const Value& x, const Value* mask, const Scope& scope) {
  const auto norm = [&](const Value& v, const char* name) {
    return ops::layer_norm(v, config.layer_norm_eps, scope / name, config.hidden_size);
  };
  const Value h = ops::add(x, self_attention(config, norm(x, "layer_norm1"), mask, scope / "self_attn"));
  return ops::add(h, mlp(config, norm(h, "layer_norm2"), scope / "mlp"));
}

}  // namespace p2p::engine
