#include "services/api/route_table.hpp"

#include "base/text.hpp"
#include "services/api/openai.hpp"

namespace p2p::api {
namespace {

using Request = http::ServerRequest;
using Response = http::ServerResponse;

/// The media type without parameters.
std::string media_type(std::string_view header) {
  std::string type = to_lower(header.substr(0, header.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  return type;
}

/// Whether a page of another site sent the call in the name of somebody who did not agree: browsers send forms without a preflight, and
/// add a password of Basic authentication, but no Bearer key.
bool is_forged(const Clients& clients, const Request& request) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  const std::size_t scheme = origin.find("://");
  if (scheme != std::string_view::npos && to_lower(origin.substr(scheme + 3)) == to_lower(request.header("host"))) return false;
  return !clients.ask_for_key() || to_lower(request.header("authorization").substr(0, kBearer.size())) != kBearer;
}

/// The client of the request. Throws ApiError without a valid key, or for a body of another type.
std::string client_of(const Clients& clients, const Request& request, const RouteBody& body) {
  const auto client = clients.find(request.header("authorization"));
  if (!client) throw ApiError(401, "invalid_api_key", "the header Authorization must be: Bearer KEY, with a key from the operator");
  // Pages of other sites cannot send JSON without a preflight, nor a POST without Origin. Without keys this protects a server on loopback.
  const std::string_view length = request.header("content-length");
  const bool is_empty = (length.empty() || length == "0") && request.header("transfer-encoding").empty();
  if (request.method != "POST" || (is_empty && request.header("origin").empty())) return *client;
  if (media_type(request.header("content-type")) != body.media_type)
    throw ApiError(415, "invalid_content_type", "the header Content-Type must be " + std::string(body.media_type));
  if (body.media_type != kJsonBody.media_type && is_forged(clients, request))
    throw ApiError(403, "foreign_origin", "the header Origin names another site than Host; a proxy must keep the header Host");
  return *client;
}

}  // namespace

void RouteTable::add(const char* method, std::string_view path, const char* name, Handle handle, RouteBody body) const {
  server_.route(
      method, path,
      [this_ = *this, name, body, handle = std::move(handle)](const Request& request) {
        return this_.responses_.complete(name, [&] { return handle(request, client_of(this_.clients_, request, body)); });
      },
      [this_ = *this, name, body](const Request& request) -> std::optional<Response> {
        try {
          client_of(this_.clients_, request, body);
          return std::nullopt;
        } catch (const ApiError&) {
          return this_.responses_.complete(name, []() -> Response { throw; });
        }
      },
      body.size);
}

}  // namespace p2p::api
