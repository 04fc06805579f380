#pragma once

#include <filesystem>
#include <string>

#include "engine/checkpoint/component.hpp"
#include "engine/checkpoint/original_family.hpp"

namespace p2p::engine {

/// A VAE in a safetensors file.
struct VaeFile {
  std::string class_name;  ///< "AutoencoderKL" or "AutoencoderTiny"
  Component component;
};

/// Opens a VAE, by the names of its tensors: AutoencoderKL in diffusers' layout or the original one (also below `first_stage_model.` or
/// `vae.`, beside other networks, which are left out), AutoencoderTiny in diffusers' layout or that of TAESD, whose file of either half
/// (NAME_decoder.safetensors) takes the other from the file beside it (NAME_encoder.safetensors). A config.json beside diffusers' file
/// names applies; otherwise the configuration is inferred, and `family` tells the scale of latents. Throws ModelError.
VaeFile open_vae_file(const Safetensors& file, OriginalFamily family);
inline VaeFile open_vae_file(const std::filesystem::path& file, OriginalFamily family) {
  return open_vae_file(open_safetensors(file), family);
}

}  // namespace p2p::engine
