#include "platform/http/multipart.hpp"

#include <gmock/gmock.h>

namespace p2p::http {
namespace {

using ::testing::HasSubstr;

const std::string kType = "multipart/form-data; boundary=b1";

std::string part(const std::string& headers, const std::string& content) { return "--b1\r\n" + headers + "\r\n\r\n" + content + "\r\n"; }
std::string field(const std::string& name, const std::string& content) {
  return part("Content-Disposition: form-data; name=\"" + name + "\"", content);
}

/// The problem of the body; empty if it is valid.
std::string problem(const std::string& body, const std::string& type = kType, const FormLimits& limits = {}) {
  try {
    parse_form(type, body, limits);
    return "";
  } catch (const FormError& error) {
    return error.what();
  }
}

TEST(Multipart, ReadsParts) {
  const std::string bytes("\x89PNG\r\n\0\r\n--b\r\n--", 16);
  const std::string body =
      field("prompt", "лиса") +
      part("Content-Disposition: form-data; name=\"image\"; filename=\"a \\\"b\\\".png\"\r\nContent-Type: image/png", bytes) +
      field("empty", "") + "--b1--\r\n";
  const auto parts = parse_form(kType, body);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "prompt");
  EXPECT_EQ(parts[0].content, "лиса");
  EXPECT_EQ(parts[1].name, "image");
  EXPECT_EQ(parts[1].content, bytes);
  EXPECT_GE(parts[1].content.data(), body.data());
  EXPECT_LT(parts[1].content.data(), body.data() + body.size()) << "not a copy";
  EXPECT_EQ(parts[2].content, "");
  EXPECT_EQ(problem(body.substr(0, body.size() - 2)), "") << "the last line end may be missing";
}

TEST(Multipart, ReadsHeadersAsClientsWriteThem) {
  const std::string body =
      part("content-disposition:form-data; filename*=utf-8''a; NAME=x;filename=\"../../etc/passwd\"\r\nX-Other: 1", "v") + "--b1--";
  EXPECT_EQ(parse_form("Multipart/Form-Data; charset=utf-8; Boundary=\"b1\"", body).at(0).name, "x");
  EXPECT_EQ(problem(part("Content-Disposition: form-data; name=x\r\nContent-Transfer-Encoding: binary", "v") + "--b1--"), "");
}

TEST(Multipart, RefusesContentTypes) {
  const std::string body = field("a", "b") + "--b1--";
  for (const char* type :
       {"", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"b1 \"",
        "multipart/form-data; boundary=b1; boundary=b1", "multipart/mixed; boundary=b1", "multipart/form-data boundary=b1",
        "multipart/form-data; boundary=\"b1", "multipart/form-data; boundary=\"b\x01\""})
    EXPECT_THAT(problem(body, type), HasSubstr("Content-Type is not")) << type;
  EXPECT_THAT(problem(body, "multipart/form-data; boundary=" + std::string(71, 'b')), HasSubstr("1 to 70"));
  EXPECT_THAT(problem(body, "multipart/form-data; boundary=b2"), HasSubstr("does not begin with the boundary"));
}

TEST(Multipart, RefusesMalformedBodies) {
  const std::string good = field("a", "b");
  EXPECT_THAT(problem(""), HasSubstr("does not begin with the boundary"));
  EXPECT_THAT(problem("preamble\r\n" + good + "--b1--"), HasSubstr("does not begin with the boundary"));
  EXPECT_THAT(problem("--b1--"), HasSubstr("")) << "an empty form";
  EXPECT_THAT(problem("--b1 \r\n"), HasSubstr("does not begin with a part"));
  EXPECT_THAT(problem(good), HasSubstr("part 1 of the form has no end"));
  EXPECT_THAT(problem(good + "--b1"), HasSubstr("behind part 1 of the form"));
  EXPECT_THAT(problem(good + "--b1--\r\nmore"), HasSubstr("behind part 1"));
  EXPECT_THAT(problem(good + "--b1 \r\n"), HasSubstr("behind part 1")) << "padding";
  EXPECT_THAT(problem(field("a", "b\r\n--b12") + "--b1--"), HasSubstr("behind part 1")) << "the boundary within a part";
  EXPECT_THAT(problem(good + "--b1\nContent-Disposition: form-data; name=x\n\nv\n--b1--"), HasSubstr("behind part 1")) << "bare LF";
}

TEST(Multipart, RefusesMalformedHeaders) {
  const auto of = [](const std::string& headers) { return problem(part(headers, "v") + "--b1--"); };
  EXPECT_THAT(problem("--b1\r\n\r\nv\r\n--b1--"), HasSubstr("part 1 of the form has no header Content-Disposition"));
  EXPECT_THAT(of("Content-Type: text/plain"), HasSubstr("no header Content-Disposition"));
  EXPECT_THAT(of("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b"), HasSubstr("two headers"));
  for (const char* value : {"form-data", "attachment; name=a", "form-data; name", "form-data; name=\"a", "form-data; name=a; name=b",
                            "form-data name=a", "form-data; name=\"a\"x", "form-data;; name=a"})
    EXPECT_THAT(of(std::string("Content-Disposition: ") + value), HasSubstr("that is not: form-data")) << value;
  EXPECT_THAT(of("Content-Disposition: form-data; name=\"\""), HasSubstr("empty or longer"));
  EXPECT_THAT(of("Content-Disposition: form-data; name=" + std::string(65, 'a')), HasSubstr("empty or longer"));
  for (const char* line : {"no colon", ": no name", "a b: c", " folded: x", "A: \x01", "A: b\rc"})
    EXPECT_THAT(of(std::string("Content-Disposition: form-data; name=a\r\n") + line), HasSubstr("malformed header")) << line;
  const std::string good = "Content-Disposition: form-data; name=a\r\n";
  EXPECT_THAT(of(good + "Content-Type: multipart/mixed; boundary=c"), HasSubstr("itself a multipart"));
  EXPECT_THAT(of(good + "Content-Transfer-Encoding: base64"), HasSubstr("Content-Transfer-Encoding"));
}

TEST(Multipart, RefusesTooMuch) {
  EXPECT_THAT(problem(field("a", "1") + field("b", "2") + "--b1--", kType, {.parts = 1}), HasSubstr("more than 1 parts"));
  const auto headers = [](std::size_t bytes) {
    const std::string good = "Content-Disposition: form-data; name=a\r\nX: ";
    return part(good + std::string(bytes - good.size() - 4, 'x'), "v") + "--b1--";
  };
  EXPECT_EQ(problem(headers(200), kType, {.header_bytes = 200}), "");
  EXPECT_THAT(problem(headers(201), kType, {.header_bytes = 200}), HasSubstr("more than 200 bytes of headers"));
}

}  // namespace
}  // namespace p2p::http
