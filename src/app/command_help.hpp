#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::app {

struct OptionHelp {
  std::vector<std::string> names;  ///< short ones first, such as -s and --seed
  std::string value;               ///< what stands for its value in help; empty: it takes none
  std::string text;
  std::vector<std::string> words;  ///< all values that it takes; empty: others
  bool takes_file = false;
};

/// A command as its help, the manual and the completion of shells describe it.
struct CommandHelp {
  std::string name;   ///< after "prompt2pic "
  std::string usage;  ///< such as "prompt2pic generate PROMPT"
  std::string text;
  std::vector<OptionHelp> options;   ///< of the command
  std::vector<OptionHelp> settings;  ///< which are settings, too
  std::string footer;                ///< lines
};

/// The group of CLI options that are settings.
constexpr const char* kSettingsGroup = "Settings";

CommandHelp describe(const CLI::App& app);

/// The words of what a setting takes, such as "auto, on or off"; empty if these are not all of its values.
std::vector<std::string> words_of(std::string_view expects);

/// The help, wrapped to `width` columns.
std::string help_text(const CommandHelp& help, std::size_t width);

/// `text` with lines of at most `width` columns where words allow it; each but the first begins with `indent` spaces.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

/// The columns of the terminal at standard output, 100 if it is none; at least 40 and at most 120.
std::size_t help_width();

}  // namespace p2p::app
