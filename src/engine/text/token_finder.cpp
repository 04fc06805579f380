#include "engine/text/token_finder.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "engine/text/unicode.hpp"

namespace p2p::engine {
namespace {

bool is_space(char32_t c) { return unicode::kind(c) == unicode::Kind::space; }

}  // namespace

TokenFinder::TokenFinder(const std::vector<AddedToken>& tokens, bool normalized, bool split_special) : split_special_(split_special) {
  for (const AddedToken& token : tokens) {
    if (token.in_normalized() != normalized) continue;
    const std::u32string text = unicode::decode(token.content);
    patterns_.push_back({normalized ? unicode::normalize(text) : text, &token});
  }
  std::ranges::sort(patterns_, {}, &Pattern::text);
  const auto twice = std::ranges::adjacent_find(patterns_, {}, &Pattern::text);
  if (twice != patterns_.end()) {
    throw ModelError("tokenizer: the added tokens " + excerpt(twice->token->content) + " and " + excerpt(std::next(twice)->token->content) +
                     " cannot be told apart in a normalised text");
  }
}

const TokenFinder::Pattern* TokenFinder::longest_at_start(std::u32string_view text) const {
  auto first = patterns_.begin();
  auto last = patterns_.end();
  const Pattern* longest = nullptr;
  for (std::size_t depth = 0; depth < text.size() && first != last; ++depth) {
    // Those that end here sort before the longer ones, and have matched.
    const auto next = [depth](const Pattern& pattern) { return depth < pattern.text.size() ? std::int64_t{pattern.text[depth]} : -1; };
    const auto range = std::ranges::equal_range(first, last, std::int64_t{text[depth]}, {}, next);
    first = range.begin();
    last = range.end();
    if (first != last && first->text.size() == depth + 1) longest = &*first;
  }
  return longest;
}

std::vector<TokenFinder::Piece> TokenFinder::split(std::u32string_view text) const {
  std::vector<Piece> pieces;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Pattern* const pattern = longest_at_start(text.substr(at));
    if (pattern == nullptr) {
      ++at;
      continue;
    }
    const AddedToken& token = *pattern->token;
    std::size_t start = at;
    std::size_t stop = at + pattern->text.size();
    at = stop;
    if (split_special_ && token.special) continue;
    const bool inside_word = (start > 0 && unicode::is_word(text[start - 1])) || (stop < text.size() && unicode::is_word(text[stop]));
    if (token.single_word && inside_word) continue;
    while (token.strip_left && start > done && is_space(text[start - 1])) --start;
    while (token.strip_right && stop < text.size() && is_space(text[stop])) ++stop;
    if (done < start) pieces.push_back({text.substr(done, start - done), nullptr});
    pieces.push_back({text.substr(start, stop - start), &token});
    done = stop;
  }
  if (done < text.size()) pieces.push_back({text.substr(done), nullptr});
  return pieces;
}

}  // namespace p2p::engine
