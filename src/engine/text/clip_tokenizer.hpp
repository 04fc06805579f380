#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::engine {

/// CLIP's byte-level BPE, equal to transformers' CLIPTokenizer. Immutable, so threads can share it.
class ClipTokenizer {
 public:
  /// The text of each file by its name ("vocab.json"); absent files have no entry.
  using Files = std::map<std::string, std::string, std::less<>>;

  /// A learned word and its number of ids, which follow those of the tokenizer.
  struct Word {
    std::string name;
    std::size_t ids = 1;
  };

  /// The input of a text encoder.
  struct Tokens {
    std::vector<std::int64_t> ids;   ///< `length()` of them: start, text, end, padding
    std::vector<std::int64_t> mask;  ///< 1 for start, text and end, 0 for padding
    std::size_t first = 0;           ///< where in `ids` the text begins
    std::size_t dropped = 0;         ///< tokens of the text that did not fit
  };

  /// Reads vocab.json, merges.txt, tokenizer_config.json and, where present, special_tokens_map.json, added_tokens.json and tokenizer.json
  /// (whose vocabulary then replaces the first two). Throws ModelError that names the file and the problem.
  /// `words` are matched like added tokens, regardless of case.
  explicit ClipTokenizer(const std::filesystem::path& folder, std::span<const Word> words = {});
  /// The same from texts; `folder` is for messages.
  ClipTokenizer(const Files& files, std::string_view folder, std::span<const Word> words = {});
  ~ClipTokenizer();
  ClipTokenizer(ClipTokenizer&&) noexcept;
  ClipTokenizer& operator=(ClipTokenizer&&) noexcept;

  /// `model_max_length` of the tokenizer's config, start and end included: 2 to 4096. 77, as in every published CLIP, if the config has
  /// none, or 1e30, transformers' value for "none".
  std::size_t length() const;
  /// Size of the vocabulary with added tokens; every id is below it.
  std::size_t vocabulary_size() const;

  /// Text (UTF-8; ill-formed parts become U+FFFD) to ids without start, end or padding. Throws UsageError for more than 16 MiB, ModelError
  /// for a byte that the vocabulary lacks if it lacks the unk_token as well.
  std::vector<std::int64_t> encode(std::string_view text) const;
  /// The number of ids of the learned word that begins with `id`; 1 for other ids.
  std::size_t ids_of_word(std::int64_t id) const;
  /// Text to exactly `length()` ids, cut or padded.
  Tokens operator()(std::string_view text) const;
  /// The same around ids of encode(): at most `length()` - 2.
  Tokens chunk(std::span<const std::int64_t> ids) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace p2p::engine
