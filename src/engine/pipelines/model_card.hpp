#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace p2p::engine {

/// A model's prompt2pic.json: metadata that published models lack. All keys are optional.
struct ModelCard {
  struct Size {
    int width = 0;   ///< px
    int height = 0;  ///< px
    bool operator==(const Size&) const = default;
  };

  std::optional<std::string> title_en;
  std::optional<std::string> title_ru;
  std::optional<int> width;   ///< px
  std::optional<int> height;  ///< px
  std::optional<int> steps;
  std::optional<double> guidance;
  std::optional<int> decoder_steps;
  std::optional<double> decoder_guidance;
  std::optional<int> clip_skip;          ///< of Stable Diffusion, see GenerateParams
  std::vector<Size> sizes;               ///< sizes that the model draws well; empty: any
  std::optional<int> max_pixels;         ///< largest picture that a service accepts for it
  std::vector<std::string> languages;    ///< such as "en"
  std::optional<std::string> licence;    ///< such as "MIT"
  std::vector<std::string> examples_en;  ///< prompts in English that the model draws well
  std::vector<std::string> examples_ru;  ///< the same in Russian
};

/// Reads prompt2pic.json in a model's folder, or NAME.prompt2pic.json beside NAME.safetensors; an empty card if there is none. Throws
/// ModelError for an unknown key or a value out of range.
///
///     {"title": {"en": "...", "ru": "..."}, "width": 128, "height": 128, "sizes": ["128x128"], "max_pixels": 16384, "steps": 20,
///      "guidance": 3, "decoder_steps": 8, "decoder_guidance": 0, "languages": ["en", "ru"], "licence": "MIT",
///      "examples": {"en": ["a fox on a blue background"], "ru": ["лиса на синем фоне"]}}
ModelCard read_model_card(const std::filesystem::path& model);

/// The nearest of `sizes` (at least one) to the requested size: by aspect ratio, then by area. A side that is not set matches
/// any.
ModelCard::Size nearest_size(std::span<const ModelCard::Size> sizes, std::optional<int> width, std::optional<int> height);

}  // namespace p2p::engine
