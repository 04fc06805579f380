// Input: a line with the header Content-Type, then a form. Result: an error, or parts that lie in the body and survive being written again.

#include "fuzz/check.hpp"
#include "platform/http/multipart.hpp"

using fuzz::check;
using namespace p2p;

namespace {

const http::FormLimits kLimits{.parts = 5, .header_bytes = 200, .name_bytes = 20};

std::string written(const std::vector<http::FormPart>& parts, const std::string& boundary) {
  std::string body;
  for (const http::FormPart& part : parts) {
    std::string name;
    for (const char c : part.name) name += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
    body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + std::string(part.content) + "\r\n";
  }
  return body + "--" + boundary + "--\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body = fuzz::text_of(data, size);
  const std::string_view type = fuzz::next_line(body);
  try {
    const auto parts = http::parse_form(type, body, kLimits);
    check(parts.size() <= kLimits.parts);
    const char* from = body.data();
    for (const http::FormPart& part : parts) {
      check(!part.name.empty() && part.name.size() <= kLimits.name_bytes && part.name.find_first_of("\r\n") == std::string::npos);
      check(part.content.data() > from && part.content.data() + part.content.size() < body.data() + body.size());
      from = part.content.data() + part.content.size();
    }
    const std::string boundary = "a-boundary-that-no-input-of-4096-bytes-holds-by-chance";
    if (body.find(boundary) != std::string_view::npos) return 0;
    const std::string again_body = written(parts, boundary);
    const auto again = http::parse_form("multipart/form-data; boundary=" + boundary, again_body, {.parts = 5, .header_bytes = 300});
    check(again.size() == parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i) check(again[i].name == parts[i].name && again[i].content == parts[i].content);
  } catch (const http::FormError& error) {
    for (const char* c = error.what(); *c != '\0'; ++c) check(*c >= ' ' && *c < 127);
  }
  return 0;
}
