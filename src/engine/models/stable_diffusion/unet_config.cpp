#include "engine/models/stable_diffusion/unet_config.hpp"

#include <algorithm>

namespace p2p::engine::stable_diffusion {
namespace {

constexpr std::size_t kMaxChannels = 16384;
constexpr std::size_t kMaxLayers = 64;

bool is_given(const ConfigReader& reader, const char* key) { return reader.json().contains(key) && !reader.json()[key].is_null(); }

bool is_list(const ConfigReader& reader, const char* key) { return is_given(reader, key) && reader.json()[key].is_array(); }

// Keys with only one supported value: others would be another network.
void expect_absent(const ConfigReader& reader, const char* key) {
  if (is_given(reader, key)) reader.fail(key, "only null is supported, found " + excerpt(reader.json()[key]));
}

void expect_false(const ConfigReader& reader, const char* key) {
  const bool all_false = is_list(reader, key) ? std::ranges::count(reader.booleans(key), true) == 0 : !reader.boolean(key, false);
  if (!all_false) reader.fail(key, "only false is supported, found " + excerpt(reader.json()[key]));
}

// Keys that have their defaults in published networks. resnet_out_scale_factor, resnet_skip_time_act, cross_attention_norm and
// addition_embed_type_num_heads belong to blocks that are not supported; upcast_attention and dropout do not change f32 results.
void expect_stable_diffusion(const ConfigReader& reader) {
  for (const char* key : {"num_attention_heads", "encoder_hid_dim", "encoder_hid_dim_type", "class_embed_type", "num_class_embeds",
                          "time_embedding_act_fn", "timestep_post_act"}) {
    expect_absent(reader, key);
  }
  for (const char* key : {"only_cross_attention", "dual_cross_attention", "class_embeddings_concat", "mid_block_only_cross_attention"})
    expect_false(reader, key);
  reader.expect_text("resnet_time_scale_shift", "default");
  reader.expect_text("time_embedding_type", "positional");
  reader.expect_text("attention_type", "default");
  if (const auto act = reader.text("act_fn", "silu"); act != "silu" && act != "swish")
    reader.fail("act_fn", "only \"silu\" is supported, found " + excerpt(reader.json()["act_fn"]));
}

std::size_t odd_kernel(const ConfigReader& reader, const char* key) {
  const std::size_t kernel = reader.size(key, 1, 31, 3);
  if (kernel % 2 == 0) reader.fail(key, "expected an odd number, found " + std::to_string(kernel));
  return kernel;
}

void expect_levels(const ConfigReader& reader, const char* key, std::size_t count, std::size_t levels) {
  if (count != levels) {
    reader.fail(key, "expected one entry for each of the " + std::to_string(levels) + " entries of block_out_channels, found " +
                         std::to_string(count));
  }
}

// One number for all levels, or a list.
std::vector<std::size_t> per_level(const ConfigReader& reader, const char* key, std::size_t max, std::size_t fallback, std::size_t levels) {
  if (!is_list(reader, key)) return std::vector<std::size_t>(levels, reader.size(key, 1, max, fallback));
  const auto values = reader.integers(key, 1, static_cast<long long>(max));
  expect_levels(reader, key, values.size(), levels);
  return {values.begin(), values.end()};
}

std::vector<bool> attention_of(const ConfigReader& reader, const char* key, const std::string& plain, std::vector<std::string> fallback,
                               std::size_t levels) {
  const auto types = reader.texts(key, std::move(fallback));
  expect_levels(reader, key, types.size(), levels);
  std::vector<bool> attention;
  for (const std::string& type : types) {
    if (type != plain && type != "CrossAttn" + plain)
      reader.fail(key, "expected " + plain + " or CrossAttn" + plain + ", found " + excerpt(Json(type)));
    attention.push_back(type != plain);
  }
  return attention;
}

// The depths of each block's transformers: a number for all blocks, or for each block a number or a list. `layers` of each block; without
// `attention` the depth has no meaning and may be 0.
std::vector<std::vector<std::size_t>> depths(const ConfigReader& reader, const char* key, const std::vector<std::size_t>& layers,
                                             const std::vector<bool>& attention) {
  const auto depth = [&](const Json& json, bool has_attention) {
    const int least = has_attention ? 1 : 0;
    if (!json.is_number_integer() || json < least || json > kMaxLayers)
      reader.fail(key,
                  "expected integers from " + std::to_string(least) + " to " + std::to_string(kMaxLayers) + ", found " + excerpt(json));
    return json.get<std::size_t>();
  };
  const Json all = is_given(reader, key) ? reader.json()[key] : Json(1);
  std::vector<std::vector<std::size_t>> result;
  if (all.is_array()) expect_levels(reader, key, all.size(), layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Json& one = all.is_array() ? all[i] : all;
    if (!one.is_array()) {
      result.emplace_back(layers[i], depth(one, attention[i]));
      continue;
    }
    if (one.size() != layers[i])
      reader.fail(key, "expected " + std::to_string(layers[i]) + " entries for block " + std::to_string(i) + ", found " + excerpt(one));
    result.emplace_back();
    for (const Json& entry : one) result.back().push_back(depth(entry, attention[i]));
  }
  return result;
}

void read_transformers(const ConfigReader& reader, UnetConfig& config) {
  const char* const key = "transformer_layers_per_block";
  const char* const reversed_key = "reverse_transformer_layers_per_block";
  std::vector<std::size_t> up_layers(config.layers_per_block.rbegin(), config.layers_per_block.rend());
  for (std::size_t& layers : up_layers) ++layers;
  config.down_transformers = depths(reader, key, config.layers_per_block, config.down_attention);
  config.mid_transformer = config.down_transformers.back().front();
  if (config.has_mid_block && config.mid_attention && config.mid_transformer == 0)
    reader.fail(key, "expected at the last block the depth of the middle one's transformer, found 0");
  if (is_given(reader, reversed_key)) {
    config.up_transformers = depths(reader, reversed_key, up_layers, config.up_attention);
    return;
  }
  const bool nested = is_list(reader, key) && std::ranges::any_of(reader.json()[key], [](const Json& entry) { return entry.is_array(); });
  if (nested) reader.fail(reversed_key, std::string("expected a list of lists, as ") + key + " is one, found null");
  for (std::size_t i = 0; i < up_layers.size(); ++i)
    config.up_transformers.emplace_back(up_layers[i], config.down_transformers[up_layers.size() - 1 - i].front());
}

void read_conditions(const ConfigReader& reader, UnetConfig& config) {
  config.time_embed_dim = reader.size("time_embedding_dim", 1, 4 * kMaxChannels, 4 * config.block_out_channels[0]);
  if (is_given(reader, "time_cond_proj_dim")) config.time_cond_proj_dim = reader.size("time_cond_proj_dim", 4, kMaxChannels);
  if (!is_given(reader, "addition_embed_type")) return;
  reader.expect_text("addition_embed_type", "text_time");
  config.addition_time_embed_dim = reader.size("addition_time_embed_dim", 2, kMaxChannels);
  config.projection_class_embeddings_input_dim = reader.size("projection_class_embeddings_input_dim", 1, 8 * kMaxChannels);
}

std::array<std::size_t, 2> read_sample_size(const ConfigReader& reader) {
  constexpr std::size_t kMaxSide = 8192;
  if (!is_given(reader, "sample_size")) return {};
  if (!is_list(reader, "sample_size")) {
    const std::size_t side = reader.size("sample_size", 1, kMaxSide);
    return {side, side};
  }
  const auto sides = reader.integers("sample_size", 1, kMaxSide);
  if (sides.size() != 2) reader.fail("sample_size", "expected height and width, found " + excerpt(reader.json()["sample_size"]));
  return {static_cast<std::size_t>(sides[0]), static_cast<std::size_t>(sides[1])};
}

void check_channels(const ConfigReader& reader, const UnetConfig& config) {
  for (std::size_t i = 0; i < config.levels(); ++i) {
    const std::size_t channels = config.block_out_channels[i];
    if (channels % config.norm_num_groups != 0)
      reader.fail("block_out_channels", "expected multiples of norm_num_groups " + std::to_string(config.norm_num_groups) + ", found " +
                                            std::to_string(channels));
    if (config.heads[i] > channels)
      reader.fail("attention_head_dim", "expected at most as many heads as the level has channels, " + std::to_string(channels) +
                                            ", found " + std::to_string(config.heads[i]));
  }
  if (config.block_out_channels[0] < 4) reader.fail("block_out_channels", "expected at least 4 channels for the embedding of times");
}

}  // namespace

UnetConfig UnetConfig::load(const ConfigReader& reader) {
  expect_stable_diffusion(reader);
  UnetConfig config;
  const auto channels = reader.integers("block_out_channels", 1, kMaxChannels, std::vector<long long>{320, 640, 1280, 1280});
  config.block_out_channels.assign(channels.begin(), channels.end());
  const std::size_t levels = config.levels();
  if (levels == 0 || levels > 8) reader.fail("block_out_channels", "expected 1 to 8 levels, found " + std::to_string(levels));
  config.sample_size = read_sample_size(reader);
  config.in_channels = reader.size("in_channels", 1, 1024, 4);
  config.out_channels = reader.size("out_channels", 1, 1024, 4);
  config.center_input_sample = reader.boolean("center_input_sample", false);
  config.flip_sin_to_cos = reader.boolean("flip_sin_to_cos", true);
  config.freq_shift = reader.number("freq_shift", 0, 1, 0);
  config.down_attention = attention_of(reader, "down_block_types", "DownBlock2D",
                                       {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"}, levels);
  config.up_attention = attention_of(reader, "up_block_types", "UpBlock2D",
                                     {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}, levels);
  // Here null means "no mid block", not the default.
  config.has_mid_block = !reader.json().contains("mid_block_type") || !reader.json()["mid_block_type"].is_null();
  const std::string middle = config.has_mid_block ? reader.text("mid_block_type", "UNetMidBlock2DCrossAttn") : "";
  config.mid_attention = middle == "UNetMidBlock2DCrossAttn";
  if (config.has_mid_block && !config.mid_attention && middle != "UNetMidBlock2D")
    reader.fail("mid_block_type", "expected null, UNetMidBlock2D or UNetMidBlock2DCrossAttn, found " + excerpt(middle));
  config.layers_per_block = per_level(reader, "layers_per_block", kMaxLayers, 2, levels);
  config.downsample_padding = reader.size("downsample_padding", 0, 1, 1);
  config.mid_block_scale_factor = static_cast<float>(reader.number("mid_block_scale_factor", 1e-6, 1e6, 1));
  config.norm_num_groups = reader.size("norm_num_groups", 1, kMaxChannels, 32);
  config.norm_eps = static_cast<float>(reader.number("norm_eps", 0, 1, 1e-5));
  const auto widths = per_level(reader, "cross_attention_dim", kMaxChannels, 1280, levels);
  if (std::ranges::count(widths, widths[0]) != std::ssize(widths)) reader.fail("cross_attention_dim", "only one width is supported");
  config.cross_attention_dim = widths[0];
  config.heads = per_level(reader, "attention_head_dim", kMaxChannels, 8, levels);
  config.use_linear_projection = reader.boolean("use_linear_projection", false);
  config.conv_in_kernel = odd_kernel(reader, "conv_in_kernel");
  config.conv_out_kernel = odd_kernel(reader, "conv_out_kernel");
  read_transformers(reader, config);
  read_conditions(reader, config);
  check_channels(reader, config);
  return config;
}

}  // namespace p2p::engine::stable_diffusion
