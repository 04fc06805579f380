#include "engine/text/clip_tokenizer.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "engine/text/added_tokens.hpp"
#include "engine/text/bpe.hpp"
#include "engine/text/token_finder.hpp"
#include "engine/text/tokenizer_files.hpp"
#include "engine/text/unicode.hpp"
#include "engine/text/vocabulary.hpp"

namespace p2p::engine {
namespace {

using unicode::Kind;

constexpr std::size_t kPublishedLength = 77;
constexpr std::size_t kMaxLength = 4096;
constexpr double kNoLength = 1e20;  // transformers treats larger values as "not set"
constexpr std::size_t kMaxTextBytes = 16u << 20;

Json read_config(const TokenizerSource& source) {
  auto config = source.object(kTokenizerConfig);
  if (!config) source.fail(kTokenizerConfig, "is missing");
  return *std::move(config);
}

std::size_t read_length(const TokenizerSource& source, const Json& config) {
  const char* const key = config.contains("model_max_length") ? "model_max_length" : "max_len";
  const Json length = config.value(key, Json());
  if (length.is_null() || (length.is_number() && length.get<double>() > kNoLength)) return kPublishedLength;
  source.expect(length.is_number_unsigned() && length.get<std::uint64_t>() >= 2 && length.get<std::uint64_t>() <= kMaxLength,
                std::string(kTokenizerConfig) + ": " + key, "a whole number from 2 to " + std::to_string(kMaxLength), length);
  return length.get<std::size_t>();
}

bool is_left(const TokenizerSource& source, const Json& config, const char* key) {
  const Json side = config.value(key, Json("right"));
  source.expect(side == "left" || side == "right", std::string(kTokenizerConfig) + ": " + key, "\"left\" or \"right\"", side);
  return side == "left";
}

/// Length of the word at the start of a normalised text; 0 at white space.
std::size_t word_length(std::u32string_view text) {
  constexpr std::array<std::u32string_view, 9> kWhole = {
      U"<|startoftext|>", U"<|endoftext|>", U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};
  for (const std::u32string_view whole : kWhole) {
    if (text.starts_with(whole)) return whole.size();
  }
  const Kind kind = unicode::kind(text.front());
  if (kind == Kind::space) return 0;
  if (kind == Kind::number) return 1;
  const auto end = std::ranges::find_if(text, [kind](char32_t c) { return unicode::kind(c) != kind; });
  return static_cast<std::size_t>(end - text.begin());
}

AddedTokens with_words(AddedTokens added, std::span<const ClipTokenizer::Word> words, const Vocabulary& vocabulary) {
  add_words(added, words, vocabulary);
  return added;
}

void append(std::vector<std::int64_t>& ids, const AddedToken& token) {
  for (std::int32_t i = 0; i < token.ids; ++i) ids.push_back(token.id + i);
}

}  // namespace

struct ClipTokenizer::Impl {
  Impl(const TokenizerSource& source, const Json& config, const Vocabulary& vocabulary, std::span<const Word> words)
      : added(with_words(read_added_tokens(source, config, vocabulary), words, vocabulary)),
        split_special(source.flag(config, "split_special_tokens", false, kTokenizerConfig)),
        in_raw(added.tokens, false, split_special),
        in_normalized(added.tokens, true, split_special),
        bpe(vocabulary.bpe(added.unknown)),
        length(read_length(source, config)),
        pad_left(is_left(source, config, "padding_side")),
        cut_left(is_left(source, config, "truncation_side")) {}

  void encode_words(std::u32string_view text, std::vector<std::int64_t>& ids) const {
    while (!text.empty()) {
      const std::size_t size = word_length(text);
      std::u32string_view word = text.substr(0, size);
      text.remove_prefix(std::max<std::size_t>(size, 1));
      // The byte-level step splits again; only "<|endoftext|>" and "<|startoftext|>" contain several classes.
      while (!word.empty()) {
        const Kind kind = unicode::kind(word.front());
        const bool whole = word.front() == U'\'';  // a contraction
        const auto end = std::ranges::find_if(word, [&](char32_t c) { return !whole && unicode::kind(c) != kind; });
        const auto part = word.substr(0, static_cast<std::size_t>(end - word.begin()));
        bpe.encode(unicode::encode(part), ids);
        word.remove_prefix(part.size());
      }
    }
  }

  AddedTokens added;  // the finders refer to it
  bool split_special;
  TokenFinder in_raw, in_normalized;
  Bpe bpe;
  std::size_t length;
  bool pad_left, cut_left;
};

ClipTokenizer::ClipTokenizer(const std::filesystem::path& folder, std::span<const Word> words)
    : ClipTokenizer(read_tokenizer_files(folder), folder.string(), words) {}

ClipTokenizer::ClipTokenizer(const Files& files, std::string_view folder, std::span<const Word> words) {
  const TokenizerSource source(files, folder);
  impl_ = std::make_unique<const Impl>(source, read_config(source), Vocabulary(source), words);
}

ClipTokenizer::~ClipTokenizer() = default;
ClipTokenizer::ClipTokenizer(ClipTokenizer&&) noexcept = default;
ClipTokenizer& ClipTokenizer::operator=(ClipTokenizer&&) noexcept = default;

std::size_t ClipTokenizer::length() const { return impl_->length; }
std::size_t ClipTokenizer::vocabulary_size() const { return impl_->added.vocabulary_size; }

std::vector<std::int64_t> ClipTokenizer::encode(std::string_view text) const {
  if (text.size() > kMaxTextBytes) {
    throw UsageError("a prompt of " + std::to_string(text.size()) + " bytes; at most " + std::to_string(kMaxTextBytes) + " are taken");
  }
  std::vector<std::int64_t> ids;
  const std::u32string points = unicode::decode(text);
  for (const auto& raw : impl_->in_raw.split(points)) {
    if (raw.token) {
      append(ids, *raw.token);
      continue;
    }
    const std::u32string normalized = unicode::normalize(raw.text);
    for (const auto& piece : impl_->in_normalized.split(normalized)) {
      if (piece.token) {
        append(ids, *piece.token);
      } else {
        impl_->encode_words(piece.text, ids);
      }
    }
  }
  return ids;
}

std::size_t ClipTokenizer::ids_of_word(std::int64_t id) const {
  for (const AddedToken& token : impl_->added.tokens) {
    if (token.id == id && token.ids > 1) return static_cast<std::size_t>(token.ids);
  }
  return 1;
}

ClipTokenizer::Tokens ClipTokenizer::operator()(std::string_view text) const {
  const std::vector<std::int64_t> ids = encode(text);
  const std::size_t kept = std::min(ids.size(), length() - 2);
  Tokens tokens = chunk(std::span(ids).subspan(impl_->cut_left ? ids.size() - kept : 0, kept));
  tokens.dropped = ids.size() - kept;
  return tokens;
}

ClipTokenizer::Tokens ClipTokenizer::chunk(std::span<const std::int64_t> ids) const {
  const std::size_t padding = length() - 2 - ids.size();
  Tokens tokens;
  const auto pad = [&] {
    tokens.ids.insert(tokens.ids.end(), padding, impl_->added.padding);
    tokens.mask.insert(tokens.mask.end(), padding, 0);
  };
  if (impl_->pad_left) pad();
  tokens.ids.push_back(impl_->added.start);
  tokens.first = tokens.ids.size();
  tokens.ids.insert(tokens.ids.end(), ids.begin(), ids.end());
  tokens.ids.push_back(impl_->added.end);
  tokens.mask.resize(tokens.ids.size(), 1);
  if (!impl_->pad_left) pad();
  return tokens;
}

}  // namespace p2p::engine
