#include "platform/http/multipart.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace p2p::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
/// RFC 9110, 5.6.2
bool is_token(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); });
}
/// RFC 2046, 5.1.1
bool is_boundary(std::string_view text) {
  constexpr std::size_t kMost = 70;
  const auto fits = [](char c) { return is_alphanumeric(c) || std::string_view("'()+_,-./:=? ").contains(c); };
  return !text.empty() && text.size() <= kMost && text.back() != ' ' && std::ranges::all_of(text, fits);
}

void skip_spaces(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); }

/// A header value such as `form-data; name="image"; filename="a.png"`.
struct Header {
  std::string kind;  ///< the word before the first semicolon, in lower case
  std::vector<std::pair<std::string, std::string>> parameters;

  const std::string* find(std::string_view name) const {
    const auto found = std::ranges::find(parameters, name, &std::pair<std::string, std::string>::first);
    return found == parameters.end() ? nullptr : &found->second;
  }
};

/// Removes a token or a quoted string from the front; nullopt if there is none.
std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::string_view word = text.substr(0, text.find_first_of("; \t"));
    text.remove_prefix(word.size());
    return is_token(word) ? std::optional(std::string(word)) : std::nullopt;
  }
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return value;
    }
    // Browsers write a quote as %22; the only escapes are those of older programs.
    const bool escapes = text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\');
    value += text[escapes ? ++at : at];
  }
  return std::nullopt;
}

std::optional<Header> parse_header(std::string_view text) {
  Header header;
  header.kind = to_lower(text.substr(0, text.find_first_of("; \t")));
  text.remove_prefix(header.kind.size());
  for (skip_spaces(text); !text.empty(); skip_spaces(text)) {
    if (!text.starts_with(';')) return std::nullopt;
    text.remove_prefix(1);
    skip_spaces(text);
    const std::string name = to_lower(text.substr(0, text.find_first_of("=; \t")));
    text.remove_prefix(name.size());
    if (!is_token(name) || !text.starts_with('=') || header.find(name)) return std::nullopt;
    text.remove_prefix(1);
    auto value = take_value(text);
    if (!value) return std::nullopt;
    header.parameters.emplace_back(name, std::move(*value));
  }
  return header;
}

/// Reads the parts one after the other.
class Parser {
 public:
  Parser(std::string_view body, const std::string& boundary, const FormLimits& limits)
      : rest_(body), delimiter_("\r\n--" + boundary), limits_(limits) {}

  std::vector<FormPart> parse() {
    const std::string_view first = std::string_view(delimiter_).substr(kLineEnd.size());
    if (!rest_.starts_with(first)) throw FormError("the form does not begin with the boundary that its Content-Type names");
    rest_.remove_prefix(first.size());
    std::vector<FormPart> parts;
    while (rest_.starts_with(kLineEnd)) {
      rest_.remove_prefix(kLineEnd.size());
      if (parts.size() == limits_.parts) throw FormError("the form has more than " + std::to_string(limits_.parts) + " parts");
      where_ = "part " + std::to_string(parts.size() + 1) + " of the form";
      FormPart part{.name = take_name()};
      // Linear: the delimiter has one line end only, at its beginning.
      const std::size_t end = rest_.find(delimiter_);
      if (end == std::string_view::npos) fail("has no end: the body is cut, or a boundary is missing");
      part.content = rest_.substr(0, end);
      rest_.remove_prefix(end + delimiter_.size());
      parts.push_back(std::move(part));
    }
    if (rest_ != "--" && rest_ != "--\r\n")
      throw FormError(parts.empty() ? "the form does not begin with a part"
                                    : "behind " + where_ + " is neither another one nor the form's end");
    return parts;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const { throw FormError(where_ + " " + problem); }

  /// Reads the headers of a part and returns its name.
  std::string take_name() {
    std::optional<std::string> name;
    std::size_t bytes = 0;
    for (;;) {
      const std::string_view line = rest_.substr(0, limits_.header_bytes - bytes);
      const std::size_t end = line.find(kLineEnd);
      if (end == std::string_view::npos)
        fail("has more than " + std::to_string(limits_.header_bytes) + " bytes of headers, or they are cut");
      rest_.remove_prefix(end + kLineEnd.size());
      bytes += end + kLineEnd.size();
      if (end == 0) break;
      if (auto its_name = read_header(line.substr(0, end)); its_name) {
        if (name) fail("has two headers Content-Disposition");
        name = std::move(its_name);
      }
    }
    if (!name) fail("has no header Content-Disposition");
    return std::move(*name);
  }

  /// Checks a header; its `name` if it is Content-Disposition.
  std::optional<std::string> read_header(std::string_view line) const {
    const auto is_plain = [](unsigned char c) { return (c >= ' ' && c != 0x7f) || c == '\t'; };
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) || !std::ranges::all_of(line, is_plain))
      fail("has a malformed header");
    const std::string field = to_lower(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    skip_spaces(value);
    if (field == "content-type" && to_lower(value).starts_with("multipart/")) fail("is itself a multipart, which is not supported");
    if (field == "content-transfer-encoding") {
      const std::string encoding = to_lower(value);
      if (encoding != "binary" && encoding != "8bit" && encoding != "7bit")
        fail("has a Content-Transfer-Encoding; send its bytes as they are");
    }
    if (field != "content-disposition") return std::nullopt;
    const auto disposition = parse_header(value);
    const std::string* const name = disposition && disposition->kind == "form-data" ? disposition->find("name") : nullptr;
    if (!name) fail("has a header Content-Disposition that is not: form-data; name=\"...\"");
    if (name->empty() || name->size() > limits_.name_bytes)
      fail("has a name that is empty or longer than " + std::to_string(limits_.name_bytes) + " bytes");
    return *name;
  }

  std::string_view rest_;
  const std::string delimiter_;
  const FormLimits& limits_;
  std::string where_;
};

}  // namespace

std::vector<FormPart> parse_form(std::string_view content_type, std::string_view body, const FormLimits& limits) {
  const auto header = parse_header(content_type);
  const std::string* const boundary = header && header->kind == "multipart/form-data" ? header->find("boundary") : nullptr;
  if (!boundary || !is_boundary(*boundary))
    throw FormError("the header Content-Type is not: multipart/form-data; boundary=..., with a boundary of 1 to 70 characters");
  return Parser(body, *boundary, limits).parse();
}

}  // namespace p2p::http
