#include "services/api/page.hpp"

#include "services/web/web.hpp"

namespace p2p::api {
namespace {

using Request = http::ServerRequest;
using Response = http::ServerResponse;

/// Nothing from other hosts: links to pictures lead to this server too.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

/// The file at the request's path, which the browser may keep if it asks whether it has changed.
Response file_response(const Request& request) {
  const auto file = web::find(request.path);
  if (!file) return {.status = 404, .body = "there is no such page\n"};
  Response response{.content_type = std::string(file->content_type),
                    .headers = {{"ETag", std::string(file->etag)},
                                {"Cache-Control", "no-cache"},
                                {"Content-Security-Policy", kPolicy},
                                {"Cross-Origin-Opener-Policy", "same-origin"},
                                {"Referrer-Policy", "no-referrer"}}};
  if (request.header("if-none-match") == file->etag) {
    response.status = 304;
  } else {
    response.body = file->bytes;
  }
  return response;
}

}  // namespace

void serve_documents(http::Server& server) {
  for (const char* path : {"/openapi.json", "/docs", "/page/"}) server.route("GET", path, file_response);
}

void serve_page(http::Server& server) { server.route("GET", "/", file_response); }

}  // namespace p2p::api
