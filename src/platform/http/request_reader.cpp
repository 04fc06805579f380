#include "platform/http/request_reader.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

#include "base/text.hpp"

namespace p2p::http {
namespace {

namespace beast_http = boost::beast::http;
using Field = beast_http::field;

/// False for bare CR or LF and for folded lines, which two programs may parse differently.
bool lines_are_plain(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto c = static_cast<unsigned char>(head[i]);
    if (c == '\r') {
      if (i + 1 == head.size() || head[i + 1] != '\n') return false;
    } else if (c == '\n') {
      if (i == 0 || head[i - 1] != '\r') return false;
      if (i + 1 < head.size() && (head[i + 1] == ' ' || head[i + 1] == '\t')) return false;
    } else if ((c < ' ' && c != '\t') || c == 0x7f) {
      return false;
    }
  }
  return true;
}

bool is_host(std::string_view host) {
  return std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view(".-_:[]%~").contains(c);
  });
}

/// Why a body is refused.
std::string too_large(std::size_t most) { return "the body is too large: at most " + std::to_string(most) + " bytes are accepted"; }

}  // namespace

RequestReader::RequestReader(const ServerLimits& limits, std::function<bool(const ServerRequest&)> takes_file)
    : limits_(limits), takes_file_(std::move(takes_file)) {}

void RequestReader::restart() {
  state_ = State::head;
  scanned_ = head_size_ = body_left_ = 0;
  chunked_.reset();
  skipped_line_ = false;
  request_ = {};
  keep_alive_ = is_http_1_0_ = expects_continue_ = false;
}

RequestReader::State RequestReader::read(std::string& in) {
  if (state_ == State::head) return read_head(in);
  if (state_ == State::body) return read_body(in);
  return state_;
}

RequestReader::State RequestReader::refuse(int status, std::string text) {
  refusal_ = {status, std::move(text)};
  return state_ = State::refused;
}

RequestReader::State RequestReader::read_head(std::string& in) {
  // Some clients send an extra line end after a body (RFC 9112, 2.2).
  if (scanned_ == 0 && !skipped_line_ && in.starts_with("\r\n")) {
    in.erase(0, 2);
    skipped_line_ = true;
  }
  if (in.empty() || (in == "\r" && !skipped_line_)) return state_;
  if (in.front() < 'A' || in.front() > 'Z') return refuse(400, "this is not an HTTP request");
  const std::size_t end = in.find("\r\n\r\n", scanned_ < 3 ? 0 : scanned_ - 3);
  // The last three bytes may be the beginning of the end mark.
  if (end == std::string::npos ? in.size() > limits_.header_bytes + 3 : end > limits_.header_bytes) {
    return in.find("\r\n") > limits_.header_bytes ? refuse(414, "the request's first line is too long")
                                                  : refuse(431, "the headers are too large");
  }
  scanned_ = in.size();
  if (end == std::string::npos) return state_;
  const std::string head = in.substr(0, end + 4);
  in.erase(0, head.size());
  head_size_ = head.size();
  if (!lines_are_plain(head)) return refuse(400, "a header has a character that no header may have");

  // Boost parses only the head: the chunk parser of Boost 1.74 fails assertions on some inputs.
  beast_http::request_parser<beast_http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes + 4));
  parser.skip(true);
  boost::system::error_code problem;
  parser.put(boost::asio::buffer(head), problem);
  if (problem == beast_http::error::bad_version) return refuse(505, "only HTTP/1.0 and 1.1 are supported");
  if ((problem && problem != beast_http::error::need_more) || !parser.is_header_done())
    return refuse(400, "the request is not valid HTTP: " + problem.message());
  keep_alive_ = parser.keep_alive();
  const auto& fields = parser.get().base();
  if (!check_head(fields) || !check_framing(fields)) return state_;
  return state_ = body_left_ > 0 || chunked_ ? State::body : State::done;
}

template <typename Fields>
bool RequestReader::check_head(const Fields& fields) {
  const auto refused = [this](int status, const char* text) {
    refuse(status, text);
    return false;
  };
  if (fields.version() != 10 && fields.version() != 11) return refused(505, "only HTTP/1.0 and 1.1 are supported");
  constexpr std::array<std::string_view, 7> kMethods{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
  const auto method = fields.method_string();
  request_.method.assign(method.data(), method.size());
  if (std::ranges::find(kMethods, request_.method) == kMethods.end()) return refused(501, "unknown method");
  const auto target = fields.target();
  if (!read_target({target.data(), target.size()}, request_)) return refused(400, "invalid path");
  for (const auto& field : fields) {
    if (request_.headers.size() == limits_.headers) return refused(431, "too many headers");
    const auto name = field.name_string();
    const auto value = field.value();
    request_.headers.emplace_back(to_lower({name.data(), name.size()}), std::string(value.data(), value.size()));
  }
  is_http_1_0_ = fields.version() == 10;
  const std::size_t hosts = fields.count(Field::host);
  if (hosts > 1 || (hosts == 0 && !is_http_1_0_) || !is_host(request_.header("host"))) return refused(400, "invalid header Host");
  return true;
}

template <typename Fields>
bool RequestReader::check_framing(const Fields& fields) {
  const auto refused = [this](int status, std::string text) {
    refuse(status, std::move(text));
    return false;
  };
  const bool takes_file = takes_file_ && takes_file_(request_);
  most_body_ = takes_file ? std::max(limits_.body_bytes, limits_.file_bytes) : limits_.body_bytes;
  const std::size_t lengths = fields.count(Field::content_length);
  const std::size_t encodings = fields.count(Field::transfer_encoding);
  if (lengths > 1 || encodings > 1 || lengths + encodings > 1) return refused(400, "the length of the body is given twice");
  const std::string_view length = request_.header("content-length");
  if (lengths == 1) {
    const auto [end, problem] = std::from_chars(length.data(), length.data() + length.size(), body_left_);
    if (problem == std::errc::invalid_argument || end != length.data() + length.size() || length.starts_with('-'))
      return refused(400, "the header Content-Length is not a number");
    if (problem != std::errc() || body_left_ > most_body_) return refused(413, too_large(most_body_));
  }
  if (encodings == 1 && is_http_1_0_) return refused(400, "HTTP/1.0 has no Transfer-Encoding");
  if (encodings == 1 && to_lower(request_.header("transfer-encoding")) != "chunked")
    return refused(501, "the only supported Transfer-Encoding is chunked");
  if (fields.count(Field::content_encoding) > 0) return refused(415, "encoded bodies are not supported; send it without Content-Encoding");
  if (const std::string expected = to_lower(request_.header("expect")); !expected.empty()) {
    if (expected != "100-continue") return refused(417, "the only supported Expect is 100-continue");
    expects_continue_ = !is_http_1_0_;
  }
  if (encodings == 1) chunked_.emplace(most_body_, limits_.header_bytes);
  return true;
}

RequestReader::State RequestReader::read_body(std::string& in) {
  if (!chunked_) {
    const std::size_t count = std::min(body_left_, in.size());
    request_.body.append(in, 0, count);
    in.erase(0, count);
    body_left_ -= count;
    return state_ = body_left_ > 0 ? State::body : State::done;
  }
  switch (chunked_->read(in, request_.body)) {
    case ChunkedBody::State::reading:
      return state_;
    case ChunkedBody::State::done:
      return state_ = State::done;
    case ChunkedBody::State::too_large:
      return refuse(413, too_large(most_body_));
    case ChunkedBody::State::wrong:
      return refuse(400, "invalid chunks in the body");
  }
  return state_;
}

namespace {

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = digit(text[i + 1]), low = digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    result += c;
  }
  return result;
}

}  // namespace

bool read_target(std::string_view target, ServerRequest& request) {
  target = target.substr(0, target.find('#'));
  // The absolute form, as used with proxies.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.starts_with(scheme)) target.remove_prefix(std::min(target.find('/', scheme.size()), target.size()));
  }
  if (target == "*" && request.method == "OPTIONS") {
    request.path = "*";
    return true;
  }
  if (!target.starts_with('/')) return false;
  const std::size_t mark = std::min(target.find('?'), target.size());
  const auto path = percent_decode(target.substr(0, mark), false);
  if (!path) return false;
  request.path = *path;
  for (std::size_t from = mark + 1; from < target.size();) {
    const std::size_t end = std::min(target.find('&', from), target.size());
    const std::string_view pair = target.substr(from, end - from);
    from = end + 1;
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decode(pair.substr(0, equals), true);
    const auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return false;
    request.query.emplace_back(*name, *value);
  }
  return true;
}

}  // namespace p2p::http
