#include "services/api/page.hpp"

#include "services/web/web.hpp"

namespace p2p::api {
namespace {

using Request = http::ServerRequest;
using Response = http::ServerResponse;

/// The scheme, host and port of a URL.
std::string origin_of(const std::string& url) {
  const std::size_t host = url.find("://");
  return host == std::string::npos ? "" : url.substr(0, url.find('/', host + 3));
}

/// The file at the request's path, which the browser may keep if it asks whether it has changed.
Response file_response(const Request& request, const std::string& policy) {
  const auto file = web::find(request.path);
  if (!file) return {.status = 404, .body = "there is no such page\n"};
  Response response{.content_type = std::string(file->content_type),
                    .headers = {{"ETag", std::string(file->etag)},
                                {"Cache-Control", "no-cache"},
                                {"Content-Security-Policy", policy},
                                {"Cross-Origin-Opener-Policy", "same-origin"},
                                {"Referrer-Policy", "no-referrer"}}};
  if (request.header("if-none-match") == file->etag) {
    response.status = 304;
  } else {
    response.body = file->bytes;
  }
  return response;
}

void serve(http::Server& server, const char* path, const std::string& policy) {
  server.route("GET", path, [policy](const Request& request) { return file_response(request, policy); });
}

/// Nothing from other hosts, except pictures of the store.
std::string policy(const std::string& store) {
  const std::string also = store.empty() ? "" : " " + origin_of(store);
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:" + also + "; connect-src 'self'" + also +
         "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace

void serve_documents(http::Server& server) {
  for (const char* path : {"/openapi.json", "/docs", "/page/"}) serve(server, path, policy(""));
}

void serve_page(http::Server& server, const std::string& store) { serve(server, "/", policy(store)); }

}  // namespace p2p::api
