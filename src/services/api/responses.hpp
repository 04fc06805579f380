#pragma once

#include <functional>
#include <string>

#include "base/json.hpp"
#include "platform/http/server.hpp"
#include "platform/metrics/metrics.hpp"

namespace p2p::api {

http::ServerResponse json_response(int status, const Json& json);

/// The response for errors of the HTTP server itself: JSON below /v1 and /sdapi, otherwise text. For http::ServerConfig.
http::ServerResponse error_answer(int status, const std::string& path, const std::string& text);

/// Completes the responses of the routes: errors become JSON, every response gets the headers that all have and is counted. Thread-safe.
class Responses {
 public:
  /// Keeps the reference. `cross_origin`: pages of other sites may call (CORS).
  Responses(Metrics& metrics, bool cross_origin) : metrics_(metrics), cross_origin_(cross_origin) {}

  /// The response of `handle`, or the error that it throws; also for responses produced later, until which the object must live.
  http::ServerResponse complete(const char* route, const std::function<http::ServerResponse()>& handle) const;
  /// For OPTIONS.
  http::ServerResponse preflight() const;

 private:
  void finish(const char* route, http::ServerResponse& response) const;

  Metrics& metrics_;
  const bool cross_origin_;
};

}  // namespace p2p::api
