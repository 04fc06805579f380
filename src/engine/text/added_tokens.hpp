#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/text/vocabulary.hpp"

namespace p2p::engine {

/// A token that is matched in the text before it is split into words.
struct AddedToken {
  std::string content;
  bool single_word = false;
  bool strip_left = false;   ///< includes the white space before it
  bool strip_right = false;  ///< and after it
  bool special = false;
  std::optional<bool> normalized;  ///< matched in the normalised text; unset: if it is not special
  bool typed = false;              ///< written as an object with flags, not as a string
  bool packed = false;             ///< one of tokenizer_config.json's objects, which transformers unpacks last
  std::int32_t id = -1;
  std::int32_t ids = 1;  ///< number of its ids, from `id` on

  bool in_normalized() const { return normalized.value_or(!special); }
};

/// The single tokens of the configs.
struct AddedTokens {
  std::vector<AddedToken> tokens;  ///< with distinct contents
  std::int32_t start = -1, end = -1, padding = -1;
  std::optional<std::int32_t> unknown;
  std::size_t vocabulary_size = 0;  ///< including tokens that the vocabulary lacks
};

/// Reads tokenizer_config.json (`config`), special_tokens_map.json, added_tokens.json and tokenizer.json with transformers' rules of
/// precedence. Throws ModelError.
AddedTokens read_added_tokens(const TokenizerSource& source, const Json& config, const Vocabulary& vocabulary);

/// Adds words as diffusers' load_textual_inversion does: NAME, which here expands to all its ids, then NAME_1 and so on for the others.
/// Throws ModelError if a token of that name exists.
void add_words(AddedTokens& added, std::span<const ClipTokenizer::Word> words, const Vocabulary& vocabulary);

}  // namespace p2p::engine
