#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace p2p::engine {

/// What parameters_text() and AUTOMATIC1111's web UI write, read back.
struct Infotext {
  std::string prompt;
  std::string negative_prompt;
  std::vector<std::pair<std::string, std::string>> fields;  ///< such as Steps, in their order, without quotes

  /// The value of a field, if it is there.
  std::optional<std::string> field(std::string_view name) const;
};

/// Reads `text` (UTF-8): the last line has the fields if it has at least three, or Steps or Seed; "Negative prompt:" at the start of a line
/// begins the negative prompt. Prompts may have several lines, and a value in quotes is a JSON string. Every text is valid.
Infotext parse_infotext(std::string_view text);

}  // namespace p2p::engine
