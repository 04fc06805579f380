#include "engine/models/wuerstchen/paella_vq.hpp"

#include <array>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/graph/ops.hpp"

namespace p2p::engine::wuerstchen {
namespace {

// Stage A works on channels first, [N, C, H, W]: it is narrow and large, so a transposition costs more than a linear layer gains.

// LayerNorm over the channels, then * (1 + gammas[at]) + gammas[at + 1].
Value modulated_norm(const Value& x, std::span<const float> gammas, std::size_t at) {
  return ops::add(ops::mul(ops::channels_norm(x, 1e-6F), ops::scalar(1 + gammas[at])), ops::scalar(gammas[at + 1]));
}

// nn.Linear over the channels.
Value channelwise_linear(const Value& x, const Scope& scope, ops::Features features) {
  const Value weight = scope.weight("weight", {features.out, features.in}, {features.out, features.in, 1, 1});
  return ops::conv2d(x, weight, scope.weight("bias", {features.out}, {1, features.out, 1, 1}), {.kernel = 1});
}

Value mixing_residual_block(Value x, const Scope& scope, std::size_t c) {
  std::array<float, 6> gammas{};
  to_floats(scope.tensor("gammas", {6}).view, 0, gammas);
  const Value padded = ops::replication_pad2d(modulated_norm(x, gammas, 0), 1);
  const Value local = ops::depthwise_conv2d(padded, scope / "depthwise" / 1, c, {.kernel = 3});
  x = ops::add(x, ops::mul(local, ops::scalar(gammas[2])));
  const Scope channelwise = scope / "channelwise";
  const Value hidden = ops::gelu(channelwise_linear(modulated_norm(x, gammas, 3), channelwise / 0, {.in = c, .out = 4 * c}));
  const Value mixed = channelwise_linear(hidden, channelwise / 2, {.in = 4 * c, .out = c});
  return ops::add(x, ops::mul(mixed, ops::scalar(gammas[5])));
}

void expect_mixing_residual_block(const Scope& scope, std::size_t c) {
  scope.tensor("gammas", {6});
  (scope / "depthwise" / 1).tensor("weight", {c, 1, 3, 3});
  (scope / "depthwise" / 1).tensor("bias", {c});
  (scope / "channelwise" / 0).tensor("weight", {4 * c, c});
  (scope / "channelwise" / 0).tensor("bias", {4 * c});
  (scope / "channelwise" / 2).tensor("weight", {c, 4 * c});
  (scope / "channelwise" / 2).tensor("bias", {c});
}

}  // namespace

PaellaVqConfig PaellaVqConfig::load(const std::filesystem::path& config_file) {
  const ConfigReader reader(config_file);
  PaellaVqConfig config;
  config.in_channels = reader.size("in_channels", 1, 64, config.in_channels);
  config.out_channels = reader.size("out_channels", 3, 3, config.out_channels);
  config.up_down_scale_factor = reader.size("up_down_scale_factor", 1, 16, config.up_down_scale_factor);
  config.levels = reader.size("levels", 1, 8, config.levels);
  config.bottleneck_blocks = reader.size("bottleneck_blocks", 0, 512, config.bottleneck_blocks);
  config.embed_dim = reader.size("embed_dim", 1, 16384, config.embed_dim);
  config.latent_channels = reader.size("latent_channels", 1, 1024, config.latent_channels);
  config.num_vq_embeddings = reader.size("num_vq_embeddings", 1, 1 << 24, config.num_vq_embeddings);
  config.scale_factor = static_cast<float>(reader.number("scale_factor", -1e6, 1e6, 0.3764));
  if (config.embed_dim >> (config.levels - 1) == 0) {
    reader.fail("embed_dim", "expected at least one channel on each of the " + std::to_string(config.levels) + " levels, found " +
                                 std::to_string(config.embed_dim));
  }
  return config;
}

PaellaVq::PaellaVq(const std::filesystem::path& folder) : PaellaVq(PaellaVqConfig::load(folder / "config.json"), Weights(folder)) {}

PaellaVq::PaellaVq(const PaellaVqConfig& config, Weights weights) : config_(config), weights_(std::move(weights)) {
  decode_graph(1, 1);
  expect_encoder();
  weights_.finish();
}

Graph PaellaVq::decode_graph(std::size_t height, std::size_t width) {
  Graph graph("vqgan");
  const Scope root(weights_, graph);
  const Scope up_blocks = root / "up_blocks";
  const auto n = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  const Value latents = graph.input("latents", {1, n(config_.latent_channels), n(height), n(width)});
  std::size_t c = config_.embed_dim;
  Value x = ops::mul(latents, ops::scalar(config_.scale_factor));
  x = ops::conv2d(x, up_blocks / 0 / 0, {.in = config_.latent_channels, .out = c}, {.kernel = 1});
  std::size_t index = 1;
  for (std::size_t i = 0; i < config_.levels; ++i) {
    c = config_.embed_dim >> i;
    const std::size_t count = i == 0 ? config_.bottleneck_blocks : 1;
    for (std::size_t j = 0; j < count; ++j) x = mixing_residual_block(x, up_blocks / index++, c);
    if (i + 1 < config_.levels) {
      x = ops::conv_transpose2d(x, up_blocks / index++, {.in = c, .out = config_.embed_dim >> (i + 1)},
                                {.kernel = 4, .stride = 2, .padding = 1});
    }
  }
  const std::size_t cell = config_.up_down_scale_factor * config_.up_down_scale_factor;
  x = ops::conv2d(x, root / "out_block" / 0, {.in = c, .out = config_.out_channels * cell}, {.kernel = 1});
  graph.output("image", ops::pixel_shuffle(ops::to_channels_last(x), n(config_.up_down_scale_factor)));
  return graph;
}

// Names and shapes of the encoder's weights: a file without them is incomplete.
void PaellaVq::expect_encoder() {
  Graph unused("vqgan encoder");
  const Scope root(weights_, unused);
  const auto width = [&](std::size_t level) { return config_.embed_dim >> (config_.levels - 1 - level); };
  const std::size_t cell = config_.up_down_scale_factor * config_.up_down_scale_factor;
  (root / "in_block" / 1).tensor("weight", {width(0), config_.in_channels * cell, 1, 1});
  (root / "in_block" / 1).tensor("bias", {width(0)});
  std::size_t index = 0;
  for (std::size_t level = 0; level < config_.levels; ++level) {
    if (level > 0) {
      const Scope down = root / "down_blocks" / index++;
      down.tensor("weight", {width(level), width(level - 1), 4, 4});
      down.tensor("bias", {width(level)});
    }
    expect_mixing_residual_block(root / "down_blocks" / index++, width(level));
  }
  const Scope last = root / "down_blocks" / index;
  (last / 0).tensor("weight", {config_.latent_channels, config_.embed_dim, 1, 1});
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) (last / 1).tensor(name, {config_.latent_channels});
  weights_.ignore((last / 1 / "num_batches_tracked").path());
  (root / "vquantizer" / "embedding").tensor("weight", {config_.num_vq_embeddings, config_.latent_channels});
}

}  // namespace p2p::engine::wuerstchen
