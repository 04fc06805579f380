#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace p2p::engine {

/// A piece of a prompt and the weight of its words; 1 is plain text.
struct WeightedText {
  std::string text;  ///< UTF-8, not empty
  double weight = 1;

  bool operator==(const WeightedText&) const = default;
};

/// The text between two BREAKs. Each piece is tokenized separately.
using PromptSection = std::vector<WeightedText>;

/// Reads the prompt syntax of AUTOMATIC1111's web UI: `(word)` 1.1, `[word]` 1/1.1, `(word:1.2)`, nested brackets, `\(` for a literal
/// bracket, and BREAK, which starts a section. Equal to its parse_prompt_attention with three exceptions. BREAK also works inside
/// brackets. An invalid number, or one above 1000, is text. Brackets nested more than 64 deep have no effect, and weights are limited to
/// 1000. The time is linear in the length. Every text is valid; ill-formed UTF-8 becomes U+FFFD. Returns at least one section, which may
/// be empty.
std::vector<PromptSection> parse_prompt_weights(std::string_view prompt);

}  // namespace p2p::engine
