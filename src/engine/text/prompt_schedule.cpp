#include "engine/text/prompt_schedule.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "engine/text/prompt_weights.hpp"
#include "engine/text/python_classes.hpp"
#include "engine/text/unicode.hpp"

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxNestedForms = 64;

/// Text, or a form whose options replace each other.
struct Node {
  enum class Kind { text, edit, turns };
  Kind kind = Kind::text;
  std::u32string text;                     ///< of `text`
  std::vector<std::vector<Node>> options;  ///< of `edit` two, of `turns` at least two
  int when = 0;                            ///< of `edit`: the last step of the first option
};
using Nodes = std::vector<Node>;

void add_text(Nodes& nodes, std::u32string_view text) {
  if (nodes.empty() || nodes.back().kind != Node::Kind::text) nodes.emplace_back();
  nodes.back().text += text;
}

void add_nodes(Nodes& nodes, Nodes&& more) {
  for (Node& node : more) {
    if (node.kind == Node::Kind::text)
      add_text(nodes, node.text);
    else
      nodes.push_back(std::move(node));
  }
}

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

/// Parses in one pass. Each open bracket collects what follows it; its closing one makes a form or text of it. A bracket that cannot be
/// closed any more makes all open ones text, because none of them can contain it.
class ScheduleParser {
 public:
  ScheduleParser(std::u32string_view text, int steps) : text_(text), steps_(steps) {}

  /// False where the whole prompt is literal.
  bool parse() {
    for (std::size_t at = 0; at < text_.size();) {
      const char32_t c = text_[at];
      if (c == U'\\') {
        if (at + 1 == text_.size() || text_[at + 1] == U'\n') return false;  // no "." of the pattern
        add_text(top(), text_.substr(at, 2));
        at += 2;
        continue;
      }
      if (c == U'(' || c == U'[') {
        if (open_.size() == kMaxNestedForms) flush();
        open_.push_back({.bracket = c, .parts = Parts(1), .separators = {}});
      } else if (c == U')' || c == U']') {
        close(c);
      } else if (c == U':' || c == U'|') {
        separate(c);
      } else {
        const std::size_t end = std::min(text_.find_first_of(U"\\()[]:|", at), text_.size());
        add_text(top(), text_.substr(at, end - at));
        at = end;
        continue;
      }
      if (stray_bar_) return false;
      ++at;
    }
    flush();
    return !stray_bar_;
  }

  const Nodes& nodes() const { return nodes_; }
  bool edited() const { return edited_; }
  bool literal() const { return literal_; }

 private:
  using Parts = std::vector<Nodes>;
  struct Open {
    char32_t bracket = 0;
    Parts parts;
    std::u32string separators;  ///< between the parts
  };

  Nodes& top() { return open_.empty() ? nodes_ : open_.back().parts.back(); }

  void separate(char32_t c) {
    if (open_.empty()) {
      stray_bar_ = c == U'|';
      add_text(nodes_, {&c, 1});
      return;
    }
    Open& open = open_.back();
    open.separators += c;
    open.parts.emplace_back();
    const bool fits = open.bracket == U'('
                          ? open.separators == U":"
                          : open.separators.find_first_not_of(c) == open.separators.npos && (c == U'|' || open.separators.size() <= 2);
    if (!fits) flush();
  }

  void close(char32_t c) {
    if (open_.empty()) return add_text(nodes_, {&c, 1});
    if ((open_.back().bracket == U'(') != (c == U')')) {
      flush();
      return add_text(nodes_, {&c, 1});
    }
    Open open = std::move(open_.back());
    const std::u32string& separators = open.separators;
    if (c == U')' || separators.empty()) {  // for parse_prompt_weights()
      open_.pop_back();
      add_text(top(), {&open.bracket, 1});
      for (std::size_t i = 0; i < open.parts.size(); ++i) {
        if (i > 0) add_text(top(), U":");
        add_nodes(top(), std::move(open.parts[i]));
      }
      return add_text(top(), {&c, 1});
    }
    if (separators[0] == U'|') {
      edited_ = true;
      open_.pop_back();
      top().push_back({.kind = Node::Kind::turns, .text = {}, .options = std::move(open.parts)});
      return;
    }
    const std::optional<int> when = number(open.parts.back());
    if (!when) {
      open_.back() = std::move(open);
      flush();
      return add_text(nodes_, {&c, 1});
    }
    edited_ = true;
    open_.pop_back();
    open.parts.pop_back();
    if (open.parts.size() == 1) open.parts.emplace(open.parts.begin());
    top().push_back({.kind = Node::Kind::edit, .text = {}, .options = std::move(open.parts), .when = *when});
  }

  /// A form of the number: "+1.5e3", with spaces around.
  std::optional<int> number(const Nodes& nodes) const {
    if (nodes.size() != 1 || nodes[0].kind != Node::Kind::text) return {};
    std::u32string_view text = nodes[0].text;
    while (!text.empty() && python::is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && python::is_space(text.back())) text.remove_suffix(1);
    if (text.starts_with(U'+') && !text.starts_with(U"+-")) text.remove_prefix(1);
    if (!std::ranges::all_of(text, [](char32_t c) { return is_digit(c) || std::u32string_view(U"+-.eE").contains(c); })) return {};
    const std::string digits(text.begin(), text.end());
    double value = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (problem == std::errc::invalid_argument || end != digits.data() + digits.size()) return {};
    if (problem == std::errc::result_out_of_range)
      value = digits.contains("e-") || digits.contains("E-") ? 0 : digits.starts_with('-') ? -1e9 : 1e9;
    if (digits.contains('.')) value *= steps_;
    return static_cast<int>(std::clamp(value, -1e6, static_cast<double>(steps_)));
  }

  /// All open brackets are text.
  void flush() {
    for (Open& open : open_) {
      literal_ = literal_ || (open.bracket == U'[' && !open.separators.empty());
      stray_bar_ = stray_bar_ || open.separators.contains(U'|');
      add_text(nodes_, {&open.bracket, 1});
      for (std::size_t i = 0; i < open.parts.size(); ++i) {
        if (i > 0) add_text(nodes_, {&open.separators[i - 1], 1});
        add_nodes(nodes_, std::move(open.parts[i]));
      }
    }
    open_.clear();
  }

  std::u32string_view text_;
  int steps_;
  Nodes nodes_;
  std::vector<Open> open_;
  bool stray_bar_ = false;
  bool edited_ = false;
  bool literal_ = false;
};

// The depth of both is at most kMaxNestedForms.
void collect_steps(const Nodes& nodes, int steps, std::set<int>& ends) {
  for (const Node& node : nodes) {
    if (node.kind == Node::Kind::edit && node.when >= 1) ends.insert(node.when);
    if (node.kind == Node::Kind::turns) {
      for (int step = 1; step <= steps; ++step) ends.insert(step);
    }
    for (const Nodes& option : node.options) collect_steps(option, steps, ends);
  }
}

void write_step(const Nodes& nodes, int step, std::u32string& text) {
  for (const Node& node : nodes) {
    switch (node.kind) {
      case Node::Kind::text:
        text += node.text;
        break;
      case Node::Kind::edit:
        write_step(node.options[step <= node.when ? 0 : 1], step, text);
        break;
      case Node::Kind::turns:
        write_step(node.options[static_cast<std::size_t>(step - 1) % node.options.size()], step, text);
        break;
    }
  }
}

std::u32string_view without_spaces_after(std::u32string_view text) {
  while (!text.empty() && python::is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// A text that may end with a colon and a weight.
PromptPart weighted_part(std::u32string_view text) {
  text = without_spaces_after(text);
  const PromptPart all{.text = unicode::encode(text)};
  std::size_t begin = text.size();
  while (begin > 0 && (is_digit(text[begin - 1]) || text[begin - 1] == U'.')) --begin;
  const std::string digits(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end());
  const bool negative = begin > 0 && text[begin - 1] == U'-';
  if (negative || (begin > 0 && text[begin - 1] == U'+')) --begin;
  std::u32string_view before = without_spaces_after(text.substr(0, begin));
  double weight = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
  if (!before.ends_with(U':') || problem != std::errc() || end != digits.data() + digits.size() || weight > 1000) return all;
  before.remove_suffix(1);
  return {.text = unicode::encode(without_spaces_after(before)), .weight = negative ? -weight : weight};
}

}  // namespace

std::size_t PromptSchedule::at(std::size_t evaluation) const {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (evaluation <= static_cast<std::size_t>(texts[i].until)) return i;
  }
  return 0;
}

PromptSchedule parse_prompt_schedule(std::string_view prompt, int steps) {
  const std::u32string text = unicode::decode(prompt);
  ScheduleParser parser(text, steps);
  if (!parser.parse()) return {.texts = {{steps, unicode::encode(text)}}, .literal = text.contains(U'[')};
  std::set<int> ends{steps};
  collect_steps(parser.nodes(), steps, ends);
  PromptSchedule schedule{.texts = {}, .edited = parser.edited(), .literal = parser.literal()};
  for (const int end : ends) {
    std::u32string at_end;
    write_step(parser.nodes(), end, at_end);
    schedule.texts.push_back({end, unicode::encode(at_end)});
  }
  return schedule;
}

std::vector<PromptPart> split_at_and(std::string_view prompt) {
  constexpr std::u32string_view kAnd = U"AND";
  const std::u32string text = unicode::decode(prompt);
  std::vector<PromptPart> parts;
  std::size_t done = 0;
  for (std::size_t at = text.find(kAnd); at != text.npos; at = text.find(kAnd, at + 1)) {
    const std::size_t after = at + kAnd.size();
    if ((at > 0 && python::is_word(text[at - 1])) || (after < text.size() && python::is_word(text[after]))) continue;
    parts.push_back(weighted_part(std::u32string_view(text).substr(done, at - done)));
    done = after;
  }
  parts.push_back(weighted_part(std::u32string_view(text).substr(done)));
  return parts;
}

bool has_prompt_syntax(std::string_view prompt) {
  if (prompt.contains("<lora:") || prompt.contains("<lyco:") || prompt.contains("<hypernet:")) return true;
  if (split_at_and(prompt).size() > 1 || parse_prompt_schedule(prompt, 1).edited) return true;
  const std::vector<PromptSection> sections = parse_prompt_weights(prompt);
  // Brackets without a number may be punctuation.
  return sections.size() > 1 || std::ranges::any_of(sections[0], [&](const WeightedText& piece) {
           return piece.weight != 1 && !prompt.contains(piece.text + ")") && !prompt.contains(piece.text + "]");
         });
}

}  // namespace p2p::engine
