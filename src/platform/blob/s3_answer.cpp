#include "platform/blob/s3_answer.hpp"

#include <optional>

namespace p2p::blob {
namespace {

/// The text of the first <tag> in `xml`, which is moved behind it. S3's answers are flat enough for this.
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

}  // namespace

std::string error_code(std::string_view xml) { return std::string(next_element(xml, "Code").value_or("").substr(0, 100)); }

S3List read_list(std::string_view xml) {
  S3List list;
  std::string_view rest = xml;
  list.more = next_element(rest, "IsTruncated") == "true";
  rest = xml;
  while (const auto key = next_element(rest, "Key")) list.keys.emplace_back(*key);
  return list;
}

}  // namespace p2p::blob
