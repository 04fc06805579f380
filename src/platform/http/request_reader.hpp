#pragma once

#include <optional>
#include <string>

#include "platform/http/chunked_body.hpp"
#include "platform/http/server.hpp"

namespace p2p::http {

/// Reads the requests of one connection from bytes as they come. Knows nothing of sockets. Not thread-safe.
class RequestReader {
 public:
  enum class State {
    head,     ///< the head is not complete
    body,     ///< the head is; request() has all but the body
    done,     ///< the request is complete
    refused,  ///< refusal() says why; the connection cannot be used again
  };
  struct Refusal {
    int status = 400;
    std::string text;
  };

  explicit RequestReader(const ServerLimits& limits);

  /// Takes from `in` what belongs to the request. Returns at each change of state: to be called again while it does and `in` is not empty.
  State read(std::string& in);
  /// Forgets the request: the next one begins.
  void restart();

  State state() const { return state_; }
  ServerRequest& request() { return request_; }
  const Refusal& refusal() const { return refusal_; }
  bool keep_alive() const { return keep_alive_; }
  bool is_http_1_0() const { return is_http_1_0_; }
  /// The caller waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return expects_continue_; }
  /// Bytes that the request takes so far.
  std::size_t size() const { return head_size_ + request_.body.capacity(); }

 private:
  State read_head(std::string& in);
  State read_body(std::string& in);
  State refuse(int status, std::string text);
  /// `Fields`: what the parser of the head has read.
  template <typename Fields>
  bool check_head(const Fields& fields);
  template <typename Fields>
  bool check_framing(const Fields& fields);

  const ServerLimits limits_;
  State state_ = State::head;
  bool skipped_line_ = false;
  std::size_t scanned_ = 0;  ///< of `in`: there the head does not end
  std::size_t head_size_ = 0;
  std::size_t body_left_ = 0;           ///< by Content-Length
  std::optional<ChunkedBody> chunked_;  ///< where there is none
  ServerRequest request_;
  Refusal refusal_;
  bool keep_alive_ = false;
  bool is_http_1_0_ = false;
  bool expects_continue_ = false;
};

/// Splits a request's target into path and query and decodes both. False: it is no path, or is wrongly encoded.
bool read_target(std::string_view target, ServerRequest& request);

}  // namespace p2p::http
