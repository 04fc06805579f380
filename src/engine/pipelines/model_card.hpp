#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace p2p::engine {

/// What a model's prompt2pic.json says: what no published file holds, and every line of it may be absent.
struct ModelCard {
  std::optional<std::string> title_en;
  std::optional<std::string> title_ru;
  std::optional<int> width;   ///< px
  std::optional<int> height;  ///< px
  std::optional<int> steps;
  std::optional<double> guidance;
  std::optional<int> decoder_steps;
  std::optional<double> decoder_guidance;
  std::vector<std::string> languages;  ///< such as "en"
  std::optional<std::string> licence;  ///< such as "MIT"
};

/// Reads prompt2pic.json in a model's folder, or NAME.prompt2pic.json beside NAME.safetensors; an empty card where there is none. Throws
/// ModelError for an unknown key or a value out of range.
///
///     {"title": {"en": "...", "ru": "..."}, "width": 128, "height": 128, "steps": 20, "guidance": 3,
///      "decoder_steps": 8, "decoder_guidance": 0, "languages": ["en", "ru"], "licence": "MIT"}
ModelCard read_model_card(const std::filesystem::path& model);

}  // namespace p2p::engine
