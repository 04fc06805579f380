#pragma once

#include <functional>
#include <optional>
#include <string>

#include "platform/http/chunked_body.hpp"
#include "platform/http/server.hpp"

namespace p2p::http {

/// Incremental parser for the requests of one connection. Does no I/O. Not thread-safe.
class RequestReader {
 public:
  enum class State {
    head,     ///< the head is not complete
    body,     ///< the head is complete; request() has everything except the body
    done,     ///< the request is complete
    refused,  ///< refusal() has the error; the connection cannot be used any more
  };
  struct Refusal {
    int status = 400;
    std::string text;
  };

  /// `takes_file`: whether the body of a request with this head may have ServerLimits::file_bytes; unset: none may.
  explicit RequestReader(const ServerLimits& limits, std::function<bool(const ServerRequest& head)> takes_file = {});

  /// Consumes from `in` what belongs to the request. Returns after each change of state; call again while the state changes and `in` is not
  /// empty.
  State read(std::string& in);
  /// Reserves memory for the rest of the body, if its length is known: growing would copy a file several times.
  void reserve_body() { request_.body.reserve(request_.body.size() + body_left_); }
  /// Drops the request and starts the next one.
  void restart();

  State state() const { return state_; }
  ServerRequest& request() { return request_; }
  const Refusal& refusal() const { return refusal_; }
  bool keep_alive() const { return keep_alive_; }
  bool is_http_1_0() const { return is_http_1_0_; }
  /// The client waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return expects_continue_; }
  /// Memory used by the request so far, in bytes.
  std::size_t size() const { return head_size_ + request_.body.capacity(); }

 private:
  State read_head(std::string& in);
  State read_body(std::string& in);
  State refuse(int status, std::string text);
  /// `Fields`: the result of the head parser.
  template <typename Fields>
  bool check_head(const Fields& fields);
  template <typename Fields>
  bool check_framing(const Fields& fields);

  const ServerLimits limits_;
  const std::function<bool(const ServerRequest&)> takes_file_;
  std::size_t most_body_ = 0;
  State state_ = State::head;
  bool skipped_line_ = false;
  std::size_t scanned_ = 0;  ///< bytes of `in` known not to contain the end of the head
  std::size_t head_size_ = 0;
  std::size_t body_left_ = 0;           ///< according to Content-Length
  std::optional<ChunkedBody> chunked_;  ///< without Content-Length
  ServerRequest request_;
  Refusal refusal_;
  bool keep_alive_ = false;
  bool is_http_1_0_ = false;
  bool expects_continue_ = false;
};

/// Splits a request target into path and query and decodes both. False if it is not a path or is wrongly encoded.
bool read_target(std::string_view target, ServerRequest& request);

}  // namespace p2p::http
