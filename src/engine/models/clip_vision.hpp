#pragma once

#include "engine/models/clip_encoder.hpp"

namespace p2p::engine {

/// transformers' CLIPVisionConfig, as far as it affects the network.
struct ClipVisionConfig : ClipEncoderConfig {
  std::size_t image_size = 0;  ///< px, of either side
  std::size_t patch_size = 0;  ///< px

  /// Throws ModelError.
  static ClipVisionConfig load(const ConfigReader& reader);
};

/// Builds the encoder over the input `pixel_values` [1, 3, image_size, image_size], normalised; gives pooler_output [1, 1, hidden_size].
/// Port of transformers' modeling_clip.py, CLIPVisionModel.
Value build_clip_vision(const ClipVisionConfig& config, const Scope& root);

}  // namespace p2p::engine
