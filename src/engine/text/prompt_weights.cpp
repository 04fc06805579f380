#include "engine/text/prompt_weights.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "engine/text/python_classes.hpp"
#include "engine/text/unicode.hpp"

namespace p2p::engine {
namespace {

constexpr double kRound = 1.1;
constexpr double kSquare = 1 / 1.1;
constexpr double kMaxWeight = 1000;
constexpr std::size_t kMaxDepth = 64;  // of each kind: 1000 to the power of 64 is still a double
constexpr std::u32string_view kBreak = U"BREAK";

/// Parses the prompt in one pass. A closing bracket multiplies all pieces since its opening, in the order of the reference, so that
/// weights are bit-identical. This matters because pieces of equal weight are joined.
class Parser {
 public:
  explicit Parser(std::u32string_view text) : text_(text) {}

  std::vector<PromptSection> parse() {
    while (at_ < text_.size()) step();
    for (const std::size_t start : round_) multiply(start, kRound);
    for (const std::size_t start : square_) multiply(start, kSquare);
    return sections();
  }

 private:
  struct Piece {
    std::u32string text;
    double weight = 1;
    bool starts_section = false;
  };
  using Brackets = std::vector<std::size_t>;  // the first piece of each open bracket

  void step() {
    const char32_t c = text_[at_];
    if (c == U'(') return open(round_);
    if (c == U'[') return open(square_);
    if (c == U')' && !round_.empty()) return close(round_, kRound);
    if (c == U']' && !square_.empty()) return close(square_, kSquare);
    if (c == U':' && !round_.empty() && take_weight()) return;
    if (c == U'\\') {
      ++at_;
      const bool escapes = at_ < text_.size() && std::u32string_view(U"()[]\\").contains(text_[at_]);
      append(text_.substr(at_, escapes ? 1 : 0));  // a lone backslash is dropped, but can separate pieces
      at_ += escapes ? 1 : 0;
      return;
    }
    if (c == U')' || c == U']' || c == U':') return append(text_.substr(at_++, 1));
    const std::size_t end = std::min(text_.find_first_of(U"\\()[]:", at_), text_.size());
    append_words(text_.substr(at_, end - at_));
    at_ = end;
  }

  void open(Brackets& brackets) {
    brackets.push_back(brackets.size() < kMaxDepth ? pieces_.size() : SIZE_MAX);
    joins_ = false;
    ++at_;
  }

  void close(Brackets& brackets, double factor) {
    multiply(brackets.back(), factor);
    brackets.pop_back();
    joins_ = false;
    ++at_;
  }

  void multiply(std::size_t start, double factor) {
    for (std::size_t i = start; i < pieces_.size(); ++i) pieces_[i].weight *= factor;
  }

  // ":1.2)" closes a round bracket.
  bool take_weight() {
    std::size_t i = at_ + 1;
    const auto skip_spaces = [&] {
      while (i < text_.size() && python::is_space(text_[i])) ++i;
    };
    skip_spaces();
    if (i < text_.size() && text_[i] == U'+') ++i;
    std::string number;
    const auto is_part = [&](char32_t c) {
      return c == U'.' || (c >= U'0' && c <= U'9') || (c == U'-' && number.empty() && text_[i - 1] != U'+');
    };
    while (i < text_.size() && is_part(text_[i])) number += static_cast<char>(text_[i++]);
    skip_spaces();
    double weight = 0;
    const char* const end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, weight);
    if (i == text_.size() || text_[i] != U')' || error != std::errc() || stop != end || std::abs(weight) > kMaxWeight) return false;
    at_ = i;
    close(round_, weight);
    return true;
  }

  void append_words(std::u32string_view words) {
    std::size_t done = 0;
    for (std::size_t at = words.find(kBreak); at != words.npos; at = words.find(kBreak, at + kBreak.size())) {
      const std::size_t after = at + kBreak.size();
      if ((at > 0 && python::is_word(words[at - 1])) || (after < words.size() && python::is_word(words[after]))) continue;
      std::size_t end = at;
      while (end > done && python::is_space(words[end - 1])) --end;
      append(words.substr(done, end - done));
      pieces_.push_back({.text = {}, .weight = 1, .starts_section = true});
      done = after;
      while (done < words.size() && python::is_space(words[done])) ++done;
    }
    append(words.substr(done));
  }

  void append(std::u32string_view text) {
    if (joins_) {
      pieces_.back().text += text;
    } else {
      pieces_.push_back({std::u32string(text)});
    }
    joins_ = true;
  }

  std::vector<PromptSection> sections() const {
    std::vector<PromptSection> sections(1);
    for (const Piece& piece : pieces_) {
      if (piece.starts_section) sections.emplace_back();
      PromptSection& section = sections.back();
      if (section.empty() || section.back().weight != piece.weight) section.push_back({.text = {}, .weight = piece.weight});
      section.back().text += unicode::encode(piece.text);
    }
    for (PromptSection& section : sections) {
      std::erase_if(section, [](const WeightedText& piece) { return piece.text.empty(); });  // not earlier: they separate their neighbours
      for (WeightedText& piece : section) piece.weight = std::clamp(piece.weight, -kMaxWeight, kMaxWeight);
    }
    return sections;
  }

  std::u32string_view text_;
  std::size_t at_ = 0;
  std::vector<Piece> pieces_;
  bool joins_ = false;  // nothing since the last piece separates them
  Brackets round_, square_;
};

}  // namespace

std::vector<PromptSection> parse_prompt_weights(std::string_view prompt) {
  const std::u32string text = unicode::decode(prompt);
  return Parser(text).parse();
}

}  // namespace p2p::engine
