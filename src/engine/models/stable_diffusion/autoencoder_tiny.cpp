#include "engine/models/stable_diffusion/autoencoder_tiny.hpp"

#include <algorithm>
#include <utility>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/graph/ops.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr ops::Conv kConv{.padding = 1};

// AutoencoderTinyBlock.
Value block(const Value& x, const Scope& scope, std::size_t c) {
  const Scope conv = scope / "conv";
  Value h = ops::relu(ops::conv2d(x, conv / 0, {c, c}, kConv));
  h = ops::relu(ops::conv2d(h, conv / 2, {c, c}, kConv));
  return ops::relu(ops::add(ops::conv2d(h, conv / 4, {c, c}, kConv), x));
}

// Widths of the levels of encoder or decoder, which must be equal: no layer between them changes the width.
std::size_t channels(const ConfigReader& reader, const char* key, std::size_t levels) {
  const auto widths = reader.integers(key, 1, 16384, std::vector<long long>(4, 64));
  if (widths.size() != levels || std::ranges::count(widths, widths.front()) != ops::dim(levels))
    reader.fail(key, "expected the same number " + std::to_string(levels) + " times, found " + excerpt(Json(widths)));
  return static_cast<std::size_t>(widths.front());
}

std::vector<std::size_t> block_counts(const ConfigReader& reader, const char* key, std::vector<long long> fallback) {
  const auto counts = reader.integers(key, 0, 64, std::move(fallback));
  if (counts.empty() || counts.size() > 8) reader.fail(key, "expected 1 to 8 levels, found " + std::to_string(counts.size()));
  return {counts.begin(), counts.end()};
}

}  // namespace

AutoencoderTinyConfig AutoencoderTinyConfig::load(const ConfigReader& reader) {
  AutoencoderTinyConfig config;
  reader.expect_text("act_fn", "relu");
  reader.expect_text("upsample_fn", "nearest");
  reader.size("upsampling_scaling_factor", 2, 2, 2);
  reader.number("shift_factor", 0, 0, 0);
  config.in_channels = reader.size("in_channels", 3, 3, 3);
  config.out_channels = reader.size("out_channels", 3, 3, 3);
  config.latent_channels = reader.size("latent_channels", 1, 1024, 4);
  config.num_encoder_blocks = block_counts(reader, "num_encoder_blocks", {1, 3, 3, 3});
  config.num_decoder_blocks = block_counts(reader, "num_decoder_blocks", {3, 3, 3, 1});
  const std::size_t levels = config.num_decoder_blocks.size();
  if (config.num_encoder_blocks.size() != levels)
    reader.fail("num_encoder_blocks", "expected as many entries as num_decoder_blocks has, " + std::to_string(levels) + ", found " +
                                          std::to_string(config.num_encoder_blocks.size()));
  config.encoder_channels = channels(reader, "encoder_block_out_channels", levels);
  config.decoder_channels = channels(reader, "decoder_block_out_channels", levels);
  config.scaling_factor = static_cast<float>(reader.number("scaling_factor", 1e-6, 1e6, 1));
  return config;
}

AutoencoderTiny::AutoencoderTiny(Component component)
    : AutoencoderTiny(AutoencoderTinyConfig::load(component.config), Weights(std::move(component.weights))) {}

AutoencoderTiny::AutoencoderTiny(AutoencoderTinyConfig config, Weights weights) : config_(std::move(config)), weights_(std::move(weights)) {
  decode_graph(1, 1);
  encode_graph(config_.upscale(), config_.upscale());
  weights_.finish();
}

Graph AutoencoderTiny::decode_graph(std::size_t height, std::size_t width) {
  Graph graph("vae decoder");
  const Scope layers = Scope(weights_, graph) / "decoder" / "layers";
  const std::size_t c = config_.decoder_channels;
  Value x = ops::div(graph.input("latents", {1, ops::dim(config_.latent_channels), ops::dim(height), ops::dim(width)}),
                     ops::scalar(config_.scaling_factor));
  x = ops::mul(ops::tanh(ops::div(x, ops::scalar(3))), ops::scalar(3));
  x = ops::relu(ops::conv2d(x, layers / 0, {config_.latent_channels, c}, kConv));
  std::size_t index = 2;  // the activation is a layer of its own
  for (std::size_t level = 0; level < config_.num_decoder_blocks.size(); ++level) {
    for (std::size_t i = 0; i < config_.num_decoder_blocks[level]; ++i) x = block(x, layers / index++, c);
    if (level + 1 == config_.num_decoder_blocks.size()) break;
    x = ops::resize_nearest(x, height << (level + 1), width << (level + 1));
    x = ops::conv2d(x, layers / ++index, {c, c, false}, kConv);
    ++index;
  }
  x = ops::conv2d(x, layers / index, {c, config_.out_channels}, kConv);
  graph.output("image", ops::sub(ops::mul(x, ops::scalar(2)), ops::scalar(1)));
  return graph;
}

Graph AutoencoderTiny::encode_graph(std::size_t height, std::size_t width) {
  Graph graph("vae encoder");
  const Scope layers = Scope(weights_, graph) / "encoder" / "layers";
  const std::size_t c = config_.encoder_channels;
  const Value image = graph.input("image", {1, ops::dim(config_.in_channels), ops::dim(height), ops::dim(width)});
  Value x = ops::div(ops::add(image, ops::scalar(1)), ops::scalar(2));
  x = ops::conv2d(x, layers / 0, {config_.in_channels, c}, kConv);
  std::size_t index = 1;
  for (std::size_t level = 0; level < config_.num_encoder_blocks.size(); ++level) {
    if (level > 0) x = ops::conv2d(x, layers / index++, {c, c, false}, {.stride = 2, .padding = 1});
    for (std::size_t i = 0; i < config_.num_encoder_blocks[level]; ++i) x = block(x, layers / index++, c);
  }
  graph.output("latents", ops::conv2d(x, layers / index, {c, config_.latent_channels}, kConv));
  return graph;
}

}  // namespace p2p::engine::stable_diffusion
