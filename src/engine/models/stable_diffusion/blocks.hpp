#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/graph/ops.hpp"

// Blocks of diffusers' models/resnet.py, downsampling.py, upsampling.py, attention.py and transformers/transformer_2d.py, as the UNet and
// the autoencoder use them. Feature maps are [N, C, H, W].
namespace p2p::engine::stable_diffusion {

struct Norm {
  std::size_t groups = 32;
  float eps = 1e-6F;
};

/// ResnetBlock2D. `time` [N or 1, out, 1, 1] is the output of its time_emb_proj; blocks of the autoencoder have none. The sum of both
/// branches is divided by `scale_factor`.
Value resnet_block(const Value& x, const Scope& scope, ops::Features features, Norm norm, const std::optional<Value>& time = {},
                   float scale_factor = 1);

/// Downsample2D with a convolution; `padding` 0 is one row below and one column on the right.
Value downsample(const Value& x, const Scope& scope, std::size_t channels, std::size_t padding);
/// Upsample2D with a convolution, to height x width.
Value upsample(const Value& x, const Scope& scope, std::size_t channels, std::size_t height, std::size_t width);

/// One Transformer2DModel.
struct Transformer {
  std::size_t channels = 0;
  std::size_t heads = 1;
  std::size_t layers = 1;
  std::size_t groups = 32;
  bool linear_projection = false;  ///< otherwise proj_in and proj_out are 1x1 convolutions
  std::size_t text_width = 0;
  std::int64_t batch = 1;   ///< of the text
  std::int64_t tokens = 0;  ///< of the text

  /// Channels of its BasicTransformerBlocks.
  std::size_t inner() const { return channels / heads * heads; }
};
/// The path of the cross-attention of block `layer` of the transformer at `path`.
std::string cross_attention_path(const std::string& path, std::size_t layer);
/// Keys and values of the text for the cross-attention at `path`: input `embedding` [batch, tokens, text_width], outputs `k` and `v`
/// [batch, heads, tokens, inner / heads].
Graph cross_attention_text(Weights& weights, const std::string& path, const Transformer& transformer);
/// The whole transformer; each cross-attention's PATH.k and PATH.v, inputs of its graph, are cross_attention_text's outputs.
Value transformer_2d(const Value& x, const Scope& scope, const Transformer& transformer);

/// The autoencoder's Attention of one head over all pixels, in the names of any version of diffusers.
Value spatial_attention(const Value& x, const Scope& scope, std::size_t channels, Norm norm);

}  // namespace p2p::engine::stable_diffusion
