#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::engine {

/// A text and the last step that it is drawn at.
struct ScheduledText {
  int until = 0;
  std::string text;  ///< UTF-8, with the syntax of parse_prompt_weights()

  bool operator==(const ScheduledText&) const = default;
};

/// The texts of a prompt in the order they are drawn.
struct PromptSchedule {
  std::vector<ScheduledText> texts;  ///< at least one; the last one's `until` is the number of steps
  bool edited = false;               ///< it has one of the forms
  bool literal = false;              ///< a `[` looks like one of the forms but is none, or a `|` is outside of them

  /// The index of the text of an evaluation of the network, counted from 0, as in AUTOMATIC1111's web UI: "until step 2" is evaluations 0
  /// to 2.
  std::size_t at(std::size_t evaluation) const;
};

/// Reads the prompt editing of AUTOMATIC1111's web UI: `[from:to:when]`, `[to:when]`, `[from::when]`, and `[a|b|c]`, which alternates at
/// each step; options may be empty, and all of them may be nested. `when` is a part of `steps` if it has a decimal point, else a step.
/// A backslash takes the next character literally. As there, a `|` outside of these forms makes the whole prompt literal, and so does a
/// backslash at its end. Equal to its get_learned_conditioning_prompt_schedules for prompts whose brackets are balanced; in others, where
/// its parser may choose differently in every process, each balanced form counts and other brackets are text. Forms nested more than 64
/// deep are text. The time is linear in the length of the prompt and of the result. `steps` is at least 1. Every text is valid;
/// ill-formed UTF-8 becomes U+FFFD.
PromptSchedule parse_prompt_schedule(std::string_view prompt, int steps);

/// A part of a prompt with its factor of the guidance.
struct PromptPart {
  std::string text;  ///< UTF-8, with the syntax of parse_prompt_schedule()
  double weight = 1;

  bool operator==(const PromptPart&) const = default;
};

/// Splits a prompt at the word AND: `a AND b :0.7`. As in AUTOMATIC1111's web UI, a number after a colon at the end is the weight of a
/// part, also where there is one part alone. One above 1000 is text. Returns at least one part.
std::vector<PromptPart> split_at_and(std::string_view prompt);

/// Whether a prompt has syntax of AUTOMATIC1111's web UI that is hardly meant as words: a weight as a number, editing, alternation, AND,
/// BREAK or a tag such as `<lora:NAME>`.
bool has_prompt_syntax(std::string_view prompt);

}  // namespace p2p::engine
