#include "engine/models/stable_diffusion/autoencoder_kl.hpp"

#include <algorithm>
#include <utility>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/models/stable_diffusion/blocks.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr float kVaeEps = 1e-6F;

void expect_types(const ConfigReader& reader, const char* key, const std::string& type, std::size_t levels) {
  const auto types = reader.texts(key, std::vector<std::string>{type});
  if (std::ranges::count(types, type) != ops::dim(types.size()))
    reader.fail(key, "only " + type + " is supported, found " + excerpt(reader.json()[key]));
  if (types.size() != levels)
    reader.fail(key, "expected one entry for each of the " + std::to_string(levels) + " entries of block_out_channels, found " +
                         std::to_string(types.size()));
}

void expect_null(const ConfigReader& reader, const char* key) {
  if (reader.json().contains(key) && !reader.json()[key].is_null())
    reader.fail(key, "only null is supported, found " + excerpt(reader.json()[key]));
}

// Common parts of encoder and decoder.
struct Half {
  const AutoencoderKlConfig& config;
  Scope scope;
  Norm norm;

  Half(const AutoencoderKlConfig& all, const Scope& half) : config(all), scope(half), norm{.groups = all.norm_num_groups, .eps = kVaeEps} {}

  Value conv_in(const Value& x, std::size_t in, std::size_t out) const {
    return ops::conv2d(x, scope / "conv_in", {in, out}, {.padding = 1});
  }

  Value mid_block(Value x) const {
    const std::size_t c = config.block_out_channels.back();
    const Scope mid = scope / "mid_block";
    x = resnet_block(x, mid / "resnets" / 0, {c, c}, norm);
    if (config.mid_block_add_attention) x = spatial_attention(x, mid / "attentions" / 0, c, norm);
    return resnet_block(x, mid / "resnets" / 1, {c, c}, norm);
  }

  Value resnets(Value x, const Scope& block, std::size_t count, std::size_t in, std::size_t out) const {
    for (std::size_t i = 0; i < count; ++i) x = resnet_block(x, block / "resnets" / i, {i == 0 ? in : out, out}, norm);
    return x;
  }

  Value conv_out(const Value& x, std::size_t in, std::size_t out) const {
    const Value h = ops::silu(ops::group_norm(x, norm.groups, norm.eps, scope / "conv_norm_out", in));
    return ops::conv2d(h, scope / "conv_out", {in, out}, {.padding = 1});
  }
};

// The first value of a list, as in diffusers.
std::size_t read_vae_sample_size(const ConfigReader& reader) {
  constexpr long long kMaxSide = 8192;
  const bool is_list = reader.json().contains("sample_size") && reader.json()["sample_size"].is_array();
  if (!is_list) return reader.size("sample_size", 1, kMaxSide, 32);
  const auto sides = reader.integers("sample_size", 1, kMaxSide);
  if (sides.empty()) reader.fail("sample_size", "expected a number or a list of two, found none");
  return static_cast<std::size_t>(sides[0]);
}

}  // namespace

AutoencoderKlConfig AutoencoderKlConfig::load(const ConfigReader& reader) {
  AutoencoderKlConfig config;
  const auto channels = reader.integers("block_out_channels", 1, 16384, std::vector<long long>{64});
  config.block_out_channels.assign(channels.begin(), channels.end());
  const std::size_t levels = channels.size();
  if (levels == 0 || levels > 8) reader.fail("block_out_channels", "expected 1 to 8 levels, found " + std::to_string(levels));
  config.in_channels = reader.size("in_channels", 3, 3, 3);
  config.out_channels = reader.size("out_channels", 3, 3, 3);
  config.layers_per_block = reader.size("layers_per_block", 1, 64, 1);
  config.latent_channels = reader.size("latent_channels", 1, 1024, 4);
  config.norm_num_groups = reader.size("norm_num_groups", 1, 16384, 32);
  config.scaling_factor = static_cast<float>(reader.number("scaling_factor", 1e-6, 1e6, 0.18215));
  config.sample_size = read_vae_sample_size(reader);
  config.use_quant_conv = reader.boolean("use_quant_conv", true);
  config.use_post_quant_conv = reader.boolean("use_post_quant_conv", true);
  config.mid_block_add_attention = reader.boolean("mid_block_add_attention", true);
  expect_types(reader, "down_block_types", "DownEncoderBlock2D", levels);
  expect_types(reader, "up_block_types", "UpDecoderBlock2D", levels);
  for (const char* key : {"shift_factor", "latents_mean", "latents_std"}) expect_null(reader, key);
  if (const auto act = reader.text("act_fn", "silu"); act != "silu" && act != "swish")
    reader.fail("act_fn", "only \"silu\" is supported, found " + excerpt(reader.json()["act_fn"]));
  for (const std::size_t c : config.block_out_channels) {
    if (c % config.norm_num_groups != 0)
      reader.fail("block_out_channels",
                  "expected multiples of norm_num_groups " + std::to_string(config.norm_num_groups) + ", found " + std::to_string(c));
  }
  return config;
}

AutoencoderKl::AutoencoderKl(Component component)
    : AutoencoderKl(AutoencoderKlConfig::load(component.config), Weights(std::move(component.weights))) {}

AutoencoderKl::AutoencoderKl(AutoencoderKlConfig config, Weights weights) : config_(std::move(config)), weights_(std::move(weights)) {
  decode_graph(1, 1);
  encode_graph(config_.upscale(), config_.upscale());
  weights_.finish();
}

Graph AutoencoderKl::decode_graph(std::size_t height, std::size_t width) {
  Graph graph("vae decoder");
  const Scope root(weights_, graph);
  const Half half(config_, root / "decoder");
  const std::size_t latent = config_.latent_channels;
  Value x = ops::div(graph.input("latents", {1, ops::dim(latent), ops::dim(height), ops::dim(width)}), ops::scalar(config_.scaling_factor));
  if (config_.use_post_quant_conv) x = ops::conv2d(x, root / "post_quant_conv", {latent, latent}, {.kernel = 1});
  std::size_t c = config_.block_out_channels.back();
  x = half.mid_block(half.conv_in(x, latent, c));
  const std::size_t levels = config_.block_out_channels.size();
  for (std::size_t i = 0; i < levels; ++i) {
    const Scope block = half.scope / "up_blocks" / i;
    const std::size_t out = config_.block_out_channels[levels - 1 - i];
    x = half.resnets(x, block, config_.layers_per_block + 1, std::exchange(c, out), out);
    const auto& size = x.get_shape();
    if (i + 1 < levels) x = upsample(x, block / "upsamplers" / 0, c, 2 * size[2], 2 * size[3]);
  }
  graph.output("image", half.conv_out(x, c, config_.out_channels));
  return graph;
}

Graph AutoencoderKl::encode_graph(std::size_t height, std::size_t width) {
  Graph graph("vae encoder");
  const Scope root(weights_, graph);
  const Half half(config_, root / "encoder");
  const std::size_t moments = 2 * config_.latent_channels;
  std::size_t c = config_.block_out_channels.front();
  Value x =
      half.conv_in(graph.input("image", {1, ops::dim(config_.in_channels), ops::dim(height), ops::dim(width)}), config_.in_channels, c);
  const std::size_t levels = config_.block_out_channels.size();
  for (std::size_t i = 0; i < levels; ++i) {
    const Scope block = half.scope / "down_blocks" / i;
    const std::size_t out = config_.block_out_channels[i];
    x = half.resnets(x, block, config_.layers_per_block, std::exchange(c, out), out);
    if (i + 1 < levels) x = downsample(x, block / "downsamplers" / 0, c, 0);
  }
  x = half.conv_out(half.mid_block(x), c, moments);
  if (config_.use_quant_conv) x = ops::conv2d(x, root / "quant_conv", {moments, moments}, {.kernel = 1});
  graph.output("moments", x);
  return graph;
}

}  // namespace p2p::engine::stable_diffusion
