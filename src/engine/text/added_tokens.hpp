#pragma once

#include <cstdint>
#include <optional>
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

}  // namespace p2p::engine
