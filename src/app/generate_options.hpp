#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "config/settings.hpp"
#include "engine/pipelines/text_to_image.hpp"

namespace p2p::app {

/// What `prompt2pic generate` is asked for.
struct GenerateOptions {
  AppConfig config;
  engine::GenerateParams params;  ///< with the seed chosen
  int count = 1;
  std::string output;                            ///< as given; empty: not given
  std::optional<std::filesystem::path> preview;  ///< where the picture stands while it is drawn
  bool json = false;
  std::vector<std::string> notes;  ///< about what --from could not take
  std::vector<Sentence> notices;  ///< about the picture to begin with
};

/// Reads the command line, the settings, and for the prompt `-` standard input. Nothing where the help was asked for and printed.
/// Throws UsageError or CLI::ParseError.
std::optional<GenerateOptions> parse_generate_options(const Arguments& arguments);

}  // namespace p2p::app
