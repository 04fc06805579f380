#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace p2p::engine {

/// A piece of a prompt and how much its words count; 1 is plain text.
struct WeightedText {
  std::string text;  ///< UTF-8, not empty
  double weight = 1;

  bool operator==(const WeightedText&) const = default;
};

/// What stands between two BREAKs, each piece to be tokenized by itself.
using PromptSection = std::vector<WeightedText>;

/// Reads the prompt syntax of AUTOMATIC1111's web UI: `(word)` 1.1, `[word]` 1/1.1, `(word:1.2)`, nested as one likes, `\(` for the bracket
/// itself, and BREAK, which starts a section. Equal to its parse_prompt_attention, but for three things. A BREAK inside brackets is one,
/// too. A number that is none, or beyond 1000, is text. Brackets more than 64 deep count no further, and weights end at 1000: the time is
/// linear in the length, whatever the text. Every text is a prompt; ill-formed UTF-8 becomes U+FFFD. At least one section, which may be
/// empty.
std::vector<PromptSection> parse_prompt_weights(std::string_view prompt);

}  // namespace p2p::engine
