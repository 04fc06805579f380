#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace p2p::engine {

/// What a model's prompt2pic.json says: what no published file holds, and every line of it may be absent.
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
  std::vector<Size> sizes;             ///< those that the model draws well; empty: any
  std::optional<int> max_pixels;       ///< of the largest picture that a service draws with it
  std::vector<std::string> languages;  ///< such as "en"
  std::optional<std::string> licence;  ///< such as "MIT"
};

/// Reads prompt2pic.json in a model's folder, or NAME.prompt2pic.json beside NAME.safetensors; an empty card where there is none. Throws
/// ModelError for an unknown key or a value out of range.
///
///     {"title": {"en": "...", "ru": "..."}, "width": 128, "height": 128, "sizes": ["128x128"], "max_pixels": 16384, "steps": 20,
///      "guidance": 3, "decoder_steps": 8, "decoder_guidance": 0, "languages": ["en", "ru"], "licence": "MIT"}
ModelCard read_model_card(const std::filesystem::path& model);

/// The one of `sizes` (one at least) that is nearest to what is asked: by its shape, then by its area; a side that is not asked for may be
/// any.
ModelCard::Size nearest_size(std::span<const ModelCard::Size> sizes, std::optional<int> width, std::optional<int> height);

}  // namespace p2p::engine
