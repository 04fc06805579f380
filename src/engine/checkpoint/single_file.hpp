#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/component.hpp"
#include "engine/checkpoint/inferred_configs.hpp"

namespace p2p::engine {

/// Whether a path is a .safetensors file, by its extension in any case or by its first bytes.
bool is_single_file(const std::filesystem::path& model);

/// A whole Stable Diffusion in one safetensors file, in the layout of CompVis' and Stability's own code, as used by
/// Civitai and AUTOMATIC1111: SD 1.x, SD 2.x and SDXL. Presents the contents of diffusers' folder, as from_single_file creates it; tensors
/// are views into the mapping. Files beside it in the layout of such a folder (`unet/config.json`, `scheduler/scheduler_config.json`,
/// `tokenizer/`) override inferred values: v-prediction and Turbo models cannot be detected from the tensors.
class SingleFile {
 public:
  /// Throws ModelError, also for other kinds of models.
  explicit SingleFile(const std::filesystem::path& file) : SingleFile(open_safetensors(file)) {}
  explicit SingleFile(Safetensors file);

  /// `unet`, `vae`, `text_encoder` or `text_encoder_2`. Throws ModelError; a file may lack the VAE only.
  Component component(const std::string& name) const;
  /// Whether the file has tensors of this component.
  bool has(std::string_view component) const;
  /// scheduler_config.json beside the file; empty if there is none; then default_scheduler() applies.
  std::filesystem::path scheduler_beside() const;
  Json default_scheduler() const;
  /// `tokenizer` or `tokenizer_2`: the folder beside the file or else in `clip`, which has one that pads with the end token and one that
  /// pads with "!" under these names. Throws ModelError if both are missing.
  std::filesystem::path tokenizer(const std::string& name, const std::filesystem::path& clip) const;

  /// Tensors that belong to none of the networks, except those that are known to lie in published files.
  const std::vector<std::string>& strays() const { return strays_; }
  const std::filesystem::path& path() const { return file_.path; }
  OriginalFamily family() const { return family_; }

 private:
  Safetensors file_;
  OriginalFamily family_;
  std::map<std::string, WeightFiles, std::less<>> components_;
  std::vector<std::string> strays_;
};

}  // namespace p2p::engine
