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

/// CLIP's byte-level BPE, equal to transformers' CLIPTokenizer. Immutable after construction: safe to share between threads.
class ClipTokenizer {
 public:
  /// The text of each file by its name ("vocab.json"); those that are absent have no entry.
  using Files = std::map<std::string, std::string, std::less<>>;

  /// A learned word, and how many ids it has: the first ones past the tokenizer's own.
  struct Word {
    std::string name;
    std::size_t ids = 1;
  };

  /// What a text encoder is given.
  struct Tokens {
    std::vector<std::int64_t> ids;   ///< `length()` of them: start, text, end, padding
    std::vector<std::int64_t> mask;  ///< 1 for start, text and end, 0 for padding
    std::size_t first = 0;           ///< where in `ids` the text begins
    std::size_t dropped = 0;         ///< tokens of the text that did not fit
  };

  /// Reads vocab.json, merges.txt, tokenizer_config.json and, where present, special_tokens_map.json, added_tokens.json and tokenizer.json
  /// (whose vocabulary then replaces the first two). Throws ModelError that names the file and what is wrong with it.
  /// `words` are found in texts as added tokens are, whatever their case.
  explicit ClipTokenizer(const std::filesystem::path& folder, std::span<const Word> words = {});
  /// The same from texts; `folder` is for messages.
  ClipTokenizer(const Files& files, std::string_view folder, std::span<const Word> words = {});
  ~ClipTokenizer();
  ClipTokenizer(ClipTokenizer&&) noexcept;
  ClipTokenizer& operator=(ClipTokenizer&&) noexcept;

  /// `model_max_length` of the tokenizer's config, start and end included: 2 to 4096. 77, as in every published CLIP, where the config has
  /// none or transformers' mark for none (1e30).
  std::size_t length() const;
  /// Entries of the vocabulary with what the configs add to it: every id is below this.
  std::size_t vocabulary_size() const;

  /// Text (UTF-8; what is not becomes U+FFFD) to ids without start, end or padding. Throws UsageError for more than 16 MiB, ModelError for
  /// a byte that the vocabulary lacks if it lacks the unk_token as well.
  std::vector<std::int64_t> encode(std::string_view text) const;
  /// Text to exactly `length()` ids, cut or padded.
  Tokens operator()(std::string_view text) const;
  /// The same around ids of encode(): at most `length()` - 2.
  Tokens chunk(std::span<const std::int64_t> ids) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace p2p::engine
