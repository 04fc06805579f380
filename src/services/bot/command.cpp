#include "services/bot/command.hpp"

#include <algorithm>
#include <array>

namespace p2p::bot {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

}  // namespace

Command parse_command(std::string_view text, std::string_view username, bool in_private) {
  using enum Command::Kind;
  text = trimmed(text);
  if (text.empty()) return {};
  if (!text.starts_with('/')) return in_private ? Command{txt2img, std::string(text)} : Command{};
  const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
  std::string_view name = text.substr(1, end - 1);
  const std::string argument(trimmed(text.substr(end)));
  if (const std::size_t at = name.find('@'); at != name.npos) {
    if (lower(name.substr(at + 1)) != lower(username)) return {};
    name = name.substr(0, at);
  }
  constexpr std::array kNames{std::pair{std::string_view("start"), start}, std::pair{std::string_view("help"), help},
                              std::pair{std::string_view("txt2img"), txt2img}, std::pair{std::string_view("queue"), queue},
                              std::pair{std::string_view("cancel"), cancel}};
  const std::string small = lower(name);
  for (const auto& [known, kind] : kNames) {
    if (small == known) return {kind, argument};
  }
  return in_private ? Command{unknown, ""} : Command{};
}

}  // namespace p2p::bot
