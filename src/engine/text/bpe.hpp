#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::engine {

/// Byte pair encoding of single words. Immutable: safe to share between threads.
class Bpe {
 public:
  struct Merge {
    std::int32_t left, right, merged;
  };
  /// The token of every byte; nothing if the vocabulary has none.
  using Symbols = std::array<std::optional<std::int32_t>, 256>;

  /// `last` are the tokens of bytes that end a word. `merges` come first to last, no pair twice. Without `unknown` every byte needs a
  /// token.
  Bpe(const Symbols& inner, const Symbols& last, const std::vector<Merge>& merges, std::optional<std::int32_t> unknown);

  /// Appends the tokens of a non-empty word in O(n log n). Throws ModelError for a byte without a token if there is no
  /// `unknown`.
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;

 private:
  struct Rule {
    std::uint64_t pair;
    std::int32_t rank, merged;
  };
  const Rule* find(std::int32_t left, std::int32_t right) const;

  Symbols inner_, last_;
  std::vector<Rule> rules_;  // by pair
  std::optional<std::int32_t> unknown_;
};

/// How a byte is written in vocab.json and merges.txt (GPT-2's alphabet), as UTF-8.
std::string byte_symbol(std::uint8_t byte);

}  // namespace p2p::engine
