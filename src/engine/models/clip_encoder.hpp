#pragma once

#include <cstddef>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/graph/graph.hpp"

namespace p2p::engine {

/// The common part of transformers' CLIPTextConfig and CLIPVisionConfig: the shape of their layers.
struct ClipEncoderConfig {
  std::size_t hidden_size = 0;
  std::size_t intermediate_size = 0;
  std::size_t num_hidden_layers = 0;
  std::size_t num_attention_heads = 0;
  float layer_norm_eps = 1e-5F;
  bool quick_gelu = true;

  /// `defaults` are those of the class. Throws ModelError.
  static ClipEncoderConfig load(const ConfigReader& reader, const ClipEncoderConfig& defaults);
};

/// A layer over `x` [1, length, hidden_size]; `mask` [1, 1, length, length] is added to the scores, unless it is null. Port of
/// transformers' modeling_clip.py, CLIPEncoderLayer.
Value clip_encoder_layer(const ClipEncoderConfig& config, const Value& x, const Value* mask, const Scope& scope);

}  // namespace p2p::engine
