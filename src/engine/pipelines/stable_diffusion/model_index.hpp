#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine::stable_diffusion {

enum class Family {
  stable_diffusion,    ///< StableDiffusionPipeline: 1.x, 2.x, SD-Turbo
  latent_consistency,  ///< LatentConsistencyModelPipeline
  xl,                  ///< StableDiffusionXLPipeline, SDXL-Turbo
};

/// A folder's model_index.json.
class ModelIndex {
 public:
  /// Throws ModelError; also for a pipeline that is none of the families.
  explicit ModelIndex(const std::filesystem::path& folder);

  Family family() const { return family_; }
  /// Where a component lies. Throws ModelError where the index lists none of that name.
  std::filesystem::path folder(std::string_view component) const;
  /// Its class, such as "AutoencoderKL". Throws ModelError.
  std::string class_of(std::string_view component) const;
  /// SDXL: whether the absence of a negative prompt is zeros, instead of the empty prompt's embeddings.
  bool force_zeros_for_empty_prompt() const;

 private:
  std::filesystem::path folder_;
  ConfigReader reader_;
  Family family_;
};

}  // namespace p2p::engine::stable_diffusion
