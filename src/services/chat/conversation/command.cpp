#include "services/chat/conversation/command.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.hpp"

namespace p2p::chat {
namespace {

/// White space, with what Unicode and phones add, and invisible characters.
constexpr std::array<std::string_view, 24> kSpaces{" ",      "\t",     "\r",     "\n",     "\v",     "\f",     "\u00a0", "\u1680",
                                                   "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",
                                                   "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u2060", "\u3000", "\ufeff"};
/// That people put behind a command or a name.
constexpr std::array<std::string_view, 4> kMarks{",", ":", ";", "\u3001"};

/// Drops all that stand at the beginning.
void skip(std::string_view& text, std::span<const std::string_view> what) {
  for (;;) {
    const auto found = std::ranges::find_if(what, [&](std::string_view each) { return text.starts_with(each); });
    if (found == what.end()) return;
    text.remove_prefix(found->size());
  }
}

std::string_view trimmed(std::string_view text) {
  skip(text, kSpaces);
  for (;;) {
    const auto found = std::ranges::find_if(kSpaces, [&](std::string_view each) { return text.ends_with(each); });
    if (found == kSpaces.end()) return text;
    text.remove_suffix(found->size());
  }
}

/// What is left after a command or a name. A mark that stands apart is a part of the words.
std::string_view rest_of(std::string_view text) {
  skip(text, kMarks);
  return trimmed(text);
}

bool is_of_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/// Takes the name that the text begins with.
std::string_view take_name(std::string_view& text) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_of_name) - text.begin());
  const std::string_view name = text.substr(0, end);
  text.remove_prefix(end);
  return name;
}

/// Takes `@username` from the text's beginning or, after white space, its end.
bool take_mention(std::string_view& text, std::string_view username) {
  if (text.starts_with('@')) {
    std::string_view rest = text.substr(1);
    if (to_lower(take_name(rest)) != to_lower(username)) return false;
    text = rest_of(rest);
    return true;
  }
  const std::size_t at = text.rfind('@');
  if (at == text.npos || to_lower(text.substr(at + 1)) != to_lower(username)) return false;
  const std::string_view before = trimmed(text.substr(0, at));
  if (before.size() == at) return false;  // such as an address
  text = before;
  return true;
}

}  // namespace

Command parse_command(std::string_view text, std::string_view username, bool is_addressed) {
  using enum Command::Kind;
  text = trimmed(text);
  if (text.empty()) return {};
  if (take_mention(text, username)) is_addressed = true;
  if (!text.starts_with('/')) return is_addressed ? Command{txt2img, std::string(text)} : Command{};
  text.remove_prefix(1);
  const std::string name = to_lower(take_name(text));
  if (text.starts_with('@')) {
    text.remove_prefix(1);
    if (to_lower(take_name(text)) != to_lower(username)) return {};
  }
  constexpr std::array kNames{std::pair{std::string_view("start"), start},     std::pair{std::string_view("help"), help},
                              std::pair{std::string_view("txt2img"), txt2img}, std::pair{std::string_view("queue"), queue},
                              std::pair{std::string_view("cancel"), cancel},   std::pair{std::string_view("privacy"), privacy},
                              std::pair{std::string_view("forget"), forget}};
  for (const auto& [known, kind] : kNames) {
    if (name == known) return {kind, std::string(rest_of(text))};
  }
  return is_addressed ? Command{unknown, ""} : Command{};
}

}  // namespace p2p::chat
