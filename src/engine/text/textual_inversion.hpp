#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// A textual inversion, a learned word: rows for the token embedding of the text encoder, or of both encoders of SDXL.
struct TextualInversion {
  struct Vectors {
    std::vector<float> values;  ///< [count, width]
    std::size_t count = 0;
    std::size_t width = 0;
  };

  std::filesystem::path file;
  std::string token;  ///< its name in prompts, which expands to all vectors
  std::vector<Vectors> encoders;
};

/// Reads a file of diffusers or AUTOMATIC1111's web UI: one tensor [count, width] or [width] with the name of the token, or with the name
/// `emb_params`, `clip_l` or `string_to_param.…`, or SDXL's pair `clip_l` and `clip_g`. The token of all but the first is the name of the
/// file without its extension.
/// `token` overrides the name. Throws ModelError.
TextualInversion read_textual_inversion(const Safetensors& file, const std::string& token = {});

}  // namespace p2p::engine
