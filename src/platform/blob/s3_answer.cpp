#include "platform/blob/s3_answer.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace p2p::blob {
namespace {

/// The text of the first <tag> in `xml`, and advances `xml` past it. S3's answers are flat enough for this.
std::optional<std::string_view> next_element(std::string_view& xml, std::string_view tag) {
  const std::string open = "<" + std::string(tag) + ">";
  const std::string close = "</" + std::string(tag) + ">";
  const std::size_t start = xml.find(open);
  if (start == xml.npos) return std::nullopt;
  const std::size_t end = xml.find(close, start + open.size());
  if (end == xml.npos) return std::nullopt;
  const std::string_view text = xml.substr(start + open.size(), end - start - open.size());
  xml.remove_prefix(end + close.size());
  return text;
}

/// Resolves XML character escapes.
std::string unescaped(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEscapes{
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string plain;
  while (!text.empty()) {
    const auto* const escape = std::ranges::find_if(kEscapes, [&](const auto& each) { return text.starts_with(each.first); });
    plain += escape == kEscapes.end() ? text.front() : escape->second;
    text.remove_prefix(escape == kEscapes.end() ? 1 : escape->first.size());
  }
  return plain;
}

}  // namespace

bool is_list(std::string_view xml) { return xml.contains("<ListBucketResult"); }

std::string error_code(std::string_view xml) { return std::string(next_element(xml, "Code").value_or("").substr(0, 100)); }

S3List read_list(std::string_view xml) {
  S3List list;
  std::string_view rest = xml;
  list.more = next_element(rest, "IsTruncated") == "true";
  rest = xml;
  list.next = unescaped(next_element(rest, "NextContinuationToken").value_or(""));
  rest = xml;
  while (const auto key = next_element(rest, "Key")) list.keys.push_back(unescaped(*key));
  return list;
}

}  // namespace p2p::blob
