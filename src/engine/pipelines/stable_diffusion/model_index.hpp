#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "engine/checkpoint/component.hpp"
#include "engine/checkpoint/single_file.hpp"

namespace p2p::engine::stable_diffusion {

enum class Family {
  stable_diffusion,    ///< StableDiffusionPipeline: 1.x, 2.x, SD-Turbo
  latent_consistency,  ///< LatentConsistencyModelPipeline
  xl,                  ///< StableDiffusionXLPipeline, SDXL-Turbo
};

/// What a model consists of: a folder's model_index.json, or what stands for it where the model is a single file.
class ModelIndex {
 public:
  /// `clip` is where a single file's tokenizers are looked for, see SingleFile::tokenizer(). Throws ModelError; also for a pipeline that is
  /// none of the families.
  explicit ModelIndex(const std::filesystem::path& model, std::filesystem::path clip = {});

  const std::filesystem::path& path() const { return model_; }
  Family family() const { return family_; }
  /// Each throws ModelError where the index lists nothing of that name.
  Component component(const std::string& name) const;
  std::filesystem::path tokenizer(const std::string& name) const;
  ConfigReader scheduler() const;
  /// A component's class, such as "AutoencoderKL".
  std::string class_of(std::string_view component) const;
  /// SDXL: whether the absence of a negative prompt is zeros, instead of the empty prompt's embeddings.
  bool force_zeros_for_empty_prompt() const;

 private:
  std::filesystem::path folder(const std::string& component) const;

  std::filesystem::path model_;
  std::filesystem::path clip_;
  std::optional<SingleFile> file_;
  ConfigReader reader_;
  Family family_;
};

}  // namespace p2p::engine::stable_diffusion
