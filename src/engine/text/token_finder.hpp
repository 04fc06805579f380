#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/text/added_tokens.hpp"

namespace p2p::engine {

/// Finds added tokens in a text from left to right, preferring the longest.
class TokenFinder {
 public:
  /// A piece of text or, if `token` is set, a token. Never empty.
  struct Piece {
    std::u32string_view text;
    const AddedToken* token;
  };

  /// For the tokens matched in the normalised text, or for the others; keeps references. With `split_special` special tokens are not
  /// matched. Throws ModelError if two tokens have the same text.
  TokenFinder(const std::vector<AddedToken>& tokens, bool normalized, bool split_special);

  std::vector<Piece> split(std::u32string_view text) const;

 private:
  struct Pattern {
    std::u32string text;
    const AddedToken* token;
  };
  const Pattern* longest_at_start(std::u32string_view text) const;

  std::vector<Pattern> patterns_;  // sorted
  bool split_special_;
};

}  // namespace p2p::engine
