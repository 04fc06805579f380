#pragma once

#include <array>
#include <vector>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine::stable_diffusion {

/// diffusers' UNet2DConditionModel, as far as Stable Diffusion 1, 2, Turbo, LCM, SDXL and the models distilled from them (SSD-1B, Vega,
/// BK-SDM) use it. A level is one entry of
/// block_out_channels.
struct UnetConfig {
  /// Throws ModelError for values that are missing or out of range, and for other networks.
  static UnetConfig load(const ConfigReader& reader);

  std::array<std::size_t, 2> sample_size{};  ///< height and width of the training's latents; 0: unknown
  std::size_t in_channels = 0;
  std::size_t out_channels = 0;
  bool center_input_sample = false;
  bool flip_sin_to_cos = false;
  double freq_shift = 0;
  std::vector<std::size_t> block_out_channels;
  std::vector<bool> down_attention;  ///< for each level, whether its down block is a CrossAttnDownBlock2D
  std::vector<bool> up_attention;    ///< the same for each up block, in execution order
  bool has_mid_block = true;
  bool mid_attention = true;                  ///< a transformer and a second resnet follow the middle's first resnet
  std::vector<std::size_t> layers_per_block;  ///< per down block; the up block of the level has one more
  std::size_t downsample_padding = 1;
  float mid_block_scale_factor = 1;
  std::size_t norm_num_groups = 0;
  float norm_eps = 0;
  std::size_t cross_attention_dim = 0;                      ///< width of the text
  std::vector<std::vector<std::size_t>> down_transformers;  ///< depth of each Transformer2DModel of each level's down block
  std::vector<std::vector<std::size_t>> up_transformers;    ///< and of each up block
  std::size_t mid_transformer = 1;
  std::vector<std::size_t> heads;  ///< of each level; the key is attention_head_dim, for historical reasons
  bool use_linear_projection = false;
  std::size_t time_embed_dim = 0;
  std::size_t time_cond_proj_dim = 0;                     ///< LCM: width of the guidance's embedding; 0: none
  std::size_t addition_time_embed_dim = 0;                ///< SDXL: width of the embedding of each size; 0: none
  std::size_t projection_class_embeddings_input_dim = 0;  ///< SDXL: width of the pooled text and all embedded sizes together
  std::size_t conv_in_kernel = 3;
  std::size_t conv_out_kernel = 3;

  std::size_t levels() const { return block_out_channels.size(); }
};

}  // namespace p2p::engine::stable_diffusion
