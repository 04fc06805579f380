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

/// The client of the request. Throws ApiError without a valid key, or for a body of another type.
std::string client_of(const Clients& clients, const Request& request, std::string_view body) {
  const auto client = clients.find(request.header("authorization"));
  if (!client) throw ApiError(401, "invalid_api_key", "the header Authorization must be: Bearer KEY, with a key from the operator");
  // Pages of other sites cannot send JSON without a preflight, nor a POST without Origin. Without keys this protects a server on loopback.
  const std::string_view length = request.header("content-length");
  const bool is_empty = (length.empty() || length == "0") && request.header("transfer-encoding").empty();
  if (request.method != "POST" || (is_empty && request.header("origin").empty())) return *client;
  if (media_type(request.header("content-type")) != body)
    throw ApiError(415, "invalid_content_type", "the header Content-Type must be " + std::string(body));
  return *client;
}

}  // namespace

void RouteTable::add(const char* method, std::string_view path, const char* name, Handle handle, const char* body) const {
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
      });
}

}  // namespace p2p::api
