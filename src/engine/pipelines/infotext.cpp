#include "engine/pipelines/infotext.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace p2p::engine {
namespace {

constexpr std::string_view kNegative = "Negative prompt:";
constexpr std::size_t kMostFields = 200;

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_name(std::string_view name) {
  const auto is_letter = [](char c) { return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || c == ' ' || c == '-' || c == '/'; });
}

/// The end of the text in quotes that begins `text`, behind its last quote; npos if there is none.
std::size_t end_of_quotes(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return text.npos;
}

std::string unquoted(std::string_view value) {
  if (!value.starts_with('"')) return std::string(value);
  const Json json = Json::parse(value, nullptr, false);
  return json.is_string() ? json.get<std::string>() : std::string(value);
}

std::vector<std::pair<std::string, std::string>> fields_of(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (fields.size() < kMostFields) {
    line = trimmed(line);
    const std::size_t colon = line.find(':');
    if (colon == line.npos || !is_name(line.substr(0, colon))) break;
    const std::string_view name = line.substr(0, colon);
    line = trimmed(line.substr(colon + 1));
    std::size_t end = line.starts_with('"') ? end_of_quotes(line) : line.npos;
    if (end == line.npos || (end < line.size() && line[end] != ',')) end = std::min(line.find(','), line.size());
    fields.emplace_back(trimmed(name), unquoted(trimmed(line.substr(0, end))));
    if (end >= line.size()) break;
    line.remove_prefix(end + 1);
  }
  return fields;
}

}  // namespace

std::optional<std::string> Infotext::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
  return found == fields.end() ? std::nullopt : std::optional(found->second);
}

Infotext parse_infotext(std::string_view text) {
  text = trimmed(text);
  const std::size_t line_end = text.rfind('\n');
  const std::size_t last = line_end == text.npos ? 0 : line_end + 1;
  Infotext info{.prompt = {}, .negative_prompt = {}, .fields = fields_of(text.substr(last))};
  if (info.fields.size() >= 3 || info.field("Steps") || info.field("Seed"))
    text = text.substr(0, last);
  else
    info.fields.clear();

  std::size_t negative = text.starts_with(kNegative) ? 0 : text.find("\n" + std::string(kNegative));
  if (negative != text.npos) {
    const std::size_t begin = negative == 0 && text.starts_with(kNegative) ? 0 : negative + 1;
    info.negative_prompt = trimmed(text.substr(begin + kNegative.size()));
    text = text.substr(0, negative);
  }
  info.prompt = trimmed(text);
  return info;
}

}  // namespace p2p::engine
