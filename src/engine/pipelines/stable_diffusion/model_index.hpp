#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/component.hpp"
#include "engine/checkpoint/single_file.hpp"
#include "engine/pipelines/stable_diffusion/pipeline_class.hpp"

namespace p2p::engine::stable_diffusion {

/// The components of a model: a folder's model_index.json, or its equivalent for a single file.
class ModelIndex {
 public:
  /// `clip` is the folder of tokenizers for single files; see SingleFile::tokenizer(). Throws ModelError, also for pipelines of other
  /// families, and for UNets that need more than words, such as those for inpainting.
  explicit ModelIndex(const std::filesystem::path& model, std::filesystem::path clip = {});

  const std::filesystem::path& path() const { return model_; }
  Family family() const { return family_; }
  /// That of the latents' scale: XL's, or that of all others.
  OriginalFamily original_family() const { return family_ == Family::xl ? OriginalFamily::sdxl : OriginalFamily::sd1; }
  /// False for a single file that lacks it.
  bool has_vae() const { return !file_ || file_->has("vae"); }
  /// Tensors of a single file that belong to no component.
  std::vector<std::string> strays() const { return file_ ? file_->strays() : std::vector<std::string>(); }
  /// Each throws ModelError if the index has no component of that name.
  Component component(const std::string& name) const;
  std::filesystem::path tokenizer(const std::string& name) const;
  ConfigReader scheduler() const;
  /// A component's class, such as "AutoencoderKL".
  std::string class_of(std::string_view component) const;
  /// SDXL: whether a missing negative prompt is encoded as zeros instead of as the empty prompt.
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
