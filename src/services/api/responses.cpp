#include "services/api/responses.hpp"

#include "base/log.hpp"
#include "services/api/openai.hpp"
#include "services/requests/refused.hpp"

namespace p2p::api {
namespace {

using Response = http::ServerResponse;

/// CORS headers of responses to pages of other sites, and of preflights.
constexpr std::string_view kMethods = "GET, POST, DELETE, OPTIONS";
constexpr std::string_view kRequestHeaders = "Authorization, Content-Type, Idempotency-Key, Prefer, Last-Event-ID";
constexpr std::string_view kResponseHeaders = "Location, Preference-Applied, Retry-After, X-Should-Retry";

}  // namespace

http::ServerResponse json_response(int status, const Json& json) {
  return {.status = status,
          .content_type = "application/json",
          .body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
          .headers = {{"Cache-Control", "no-store"}}};
}

http::ServerResponse error_answer(int status, const std::string& path, const std::string& text) {
  if (!path.starts_with("/v1/") && !path.starts_with("/sdapi/")) return {.body = text + "\n"};
  const char* const code = status == 404 ? "not_found" : status == 405 ? "method_not_allowed" : status == 413 ? "too_large" : "bad_request";
  return json_response(status, ApiError(status, status == 429 ? "too_many_requests" : code, text).json());
}

http::ServerResponse Responses::complete(const char* route, const std::function<Response()>& handle) const {
  Response response;
  const auto refuse = [&](const ApiError& error) {
    response = json_response(error.status(), error.json());
    if (error.is_final()) response.headers.emplace_back("X-Should-Retry", "false");
    if (!error.location().empty()) response.headers.emplace_back("Location", error.location());
  };
  try {
    response = handle();
  } catch (const ApiError& error) {
    refuse(error);
  } catch (const requests::Refused& error) {
    refuse(to_error(error));
  } catch (const std::exception& error) {
    log::error("a call of the API failed", {{"route", route}, {"error", error.what()}});
    response = json_response(500, ApiError(500, "internal", "internal error; try again later").json());
  }
  if (response.later) {
    response.later = [this, route, later = std::move(response.later)]() -> std::optional<Response> {
      std::optional<Response> known;
      Response answered = complete(route, [&] {
        known = later();
        return known ? std::move(*known) : Response{.status = 0};
      });
      if (answered.status == 0) return std::nullopt;
      return answered;
    };
  } else if (response.status != 0) {
    finish(route, response);
  }
  return response;
}

void Responses::finish(const char* route, Response& response) const {
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (response.status == 429 || response.status == 503) response.headers.emplace_back("Retry-After", "5");
  if (cross_origin_) {
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    response.headers.emplace_back("Access-Control-Expose-Headers", kResponseHeaders);
  }
  metrics_.counter("prompt2pic_api_calls_total", "Calls of the HTTP API.", {{"route", route}, {"status", std::to_string(response.status)}})
      .add();
}

http::ServerResponse Responses::preflight() const {
  Response response{.status = 204, .headers = {{"Allow", std::string(kMethods)}}};
  if (cross_origin_) {
    response.headers = {{"Access-Control-Allow-Origin", "*"},
                        {"Access-Control-Allow-Methods", std::string(kMethods)},
                        {"Access-Control-Allow-Headers", std::string(kRequestHeaders)},
                        {"Access-Control-Max-Age", "86400"}};
  }
  return response;
}

}  // namespace p2p::api
