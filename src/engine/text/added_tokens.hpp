#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/text/vocabulary.hpp"

namespace p2p::engine {

/// A token that is looked for in the text itself, before words are formed.
struct AddedToken {
  std::string content;
  bool single_word = false;
  bool strip_left = false;   ///< takes the white space before it along
  bool strip_right = false;  ///< and that after it
  bool special = false;
  std::optional<bool> normalized;  ///< looked for in the normalised text; unset: if it is not special
  bool typed = false;              ///< written as an object with flags, not as a string
  bool packed = false;             ///< one of tokenizer_config.json's objects, which transformers unpacks last
  std::int32_t id = -1;
  std::int32_t ids = 1;  ///< that it stands for, from `id` on

  bool in_normalized() const { return normalized.value_or(!special); }
};

/// What the configs say about single tokens.
struct AddedTokens {
  std::vector<AddedToken> tokens;  ///< no content twice
  std::int32_t start = -1, end = -1, padding = -1;
  std::optional<std::int32_t> unknown;
  std::size_t vocabulary_size = 0;  ///< with the tokens that the vocabulary lacked
};

/// Reads tokenizer_config.json (`config`), special_tokens_map.json, added_tokens.json and tokenizer.json with transformers' rules about
/// which of them wins. Throws ModelError.
AddedTokens read_added_tokens(const TokenizerSource& source, const Json& config, const Vocabulary& vocabulary);

/// Adds words as diffusers' load_textual_inversion does: NAME, which stands for all its ids here, then NAME_1 and so on for the others.
/// Throws ModelError where a token of that name is there.
void add_words(AddedTokens& added, std::span<const ClipTokenizer::Word> words, const Vocabulary& vocabulary);

}  // namespace p2p::engine
