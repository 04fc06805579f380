#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/prompt_list.hpp"
#include "config/settings.hpp"
#include "engine/pipelines/text_to_image.hpp"

namespace p2p::app {

/// What `prompt2pic generate` is asked for.
struct GenerateOptions {
  AppConfig config;
  engine::GenerateParams params;                 ///< with the seed chosen
  std::vector<PromptLine> prompts;               ///< of --prompts; empty: params.prompt alone
  int count = 1;                                 ///< of each prompt
  std::string output;                            ///< as given; empty: not given
  std::optional<std::filesystem::path> preview;  ///< where the picture stands while it is drawn
  bool json = false;
  std::vector<std::string> notes;  ///< about what --from could not take
  std::vector<Sentence> notices;   ///< about the picture to begin with
};

/// Reads the command line, the settings, and for the prompt `-` standard input. Nothing where the help was asked for and printed.
/// Throws UsageError or CLI::ParseError.
std::optional<GenerateOptions> parse_generate_options(const Arguments& arguments);

/// The prompt, if it is one that models are given. Throws UsageError that begins with `name` for one that is too long or no text.
std::string checked_text(std::string text, const std::string& name);

}  // namespace p2p::app
