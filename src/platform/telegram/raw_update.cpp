#include <charconv>

#include "base/log.hpp"
#include "platform/telegram/failure.hpp"

namespace p2p::telegram {
namespace {

/// Finds the extent of JSON values of any depth without parsing them. Accepted values may be malformed inside, but their ends are right.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  /// Calls `member` with the raw text of each key and value of the object that begins here. False if there is no object or no end.
  template <typename Function>
  bool each_member(const Function& member) {
    return each('{', '}', [&] {
      const std::string_view key = value();
      if (!key.starts_with('"') || !take(':')) return false;
      const std::string_view content = value();
      if (!content.empty()) member(key.substr(1, key.size() - 2), content);
      return !content.empty();
    });
  }
  /// The same for the elements of an array.
  template <typename Function>
  bool each_element(const Function& element) {
    return each('[', ']', [&] {
      const std::string_view content = value();
      if (!content.empty()) element(content);
      return !content.empty();
    });
  }

 private:
  template <typename Function>
  bool each(char first, char last, const Function& one) {
    if (!take(first)) return false;
    if (take(last)) return true;
    do {
      if (!one()) return false;
    } while (take(','));
    return take(last);
  }
  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  /// The value that begins here; empty if there is no value or no end.
  std::string_view value() {
    skip_space();
    const std::size_t first = at_;
    std::size_t depth = 0;
    for (bool quoted = false; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quoted) {
        if (c == '\\') {
          ++at_;
        } else if (c == '"') {
          quoted = false;
        }
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']' || c == ',' || c == ':') {
        if (depth == 0) break;
        if (c == '}' || c == ']') --depth;
      }
    }
    std::string_view found = text_.substr(first, std::min(at_, text_.size()) - first);
    return found.substr(0, found.find_last_not_of(" \t\r\n") + 1);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<std::int64_t> update_id_in(std::string_view text) {
  std::optional<std::int64_t> id;
  const bool has_end = Walker(text).each_member([&](std::string_view key, std::string_view value) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (key == "update_id" && error == std::errc() && end == value.data() + value.size()) id = number;
  });
  return has_end ? id : std::nullopt;
}

}  // namespace

std::optional<Json> parse_update(std::string_view text) {
  try {
    return parse_json(text, "update");
  } catch (const Error& error) {
    const auto id = update_id_in(text);
    if (!id) return std::nullopt;
    log::warn("an unreadable update is skipped", {{"update", *id}, {"error", error.what()}});
    return Json{{"update_id", *id}};
  }
}

Result<std::vector<Json>> read_updates(int status, std::string_view body) {
  std::string_view ok, result;
  const bool is_object = Walker(body).each_member([&](std::string_view key, std::string_view value) {
    if (key == "ok") ok = value;
    if (key == "result") result = value;
  });
  std::vector<Json> updates;
  bool any = false;
  const bool is_list = status == 200 && is_object && ok == "true" && Walker(result).each_element([&](std::string_view text) {
    any = true;
    if (auto update = parse_update(text); update && read_update(*update)) updates.push_back(std::move(*update));
  });
  // If no update has an id, none can be confirmed, and the same response would come again at once.
  if (is_list && (!any || !updates.empty())) return updates;
  const auto answer = read_answer(status, body);
  return std::unexpected(answer ? Failure{.text = "Telegram's answer is not a list of updates"} : answer.error());
}

}  // namespace p2p::telegram
