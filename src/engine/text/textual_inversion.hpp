#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// A word that was learned for a model ("textual inversion"): rows for the token embedding of its text encoder, or of both of SDXL's.
struct TextualInversion {
  struct Vectors {
    std::vector<float> values;  ///< [count, width]
    std::size_t count = 0;
    std::size_t width = 0;
  };

  std::filesystem::path file;
  std::string token;  ///< how a prompt names it; it stands for all vectors
  std::vector<Vectors> encoders;
};

/// Reads a file as diffusers and AUTOMATIC1111's web UI write them: one tensor [count, width] or [width], which has the token's
/// name, or is named `emb_params` and the token is the file's name without its ending; or SDXL's pair `clip_l` and `clip_g`, named by the
/// file, too. `token`, where it is given, is the name instead. Throws ModelError.
TextualInversion read_textual_inversion(const Safetensors& file, const std::string& token = {});

}  // namespace p2p::engine
