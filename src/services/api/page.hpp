#pragma once

#include "platform/http/server.hpp"

namespace p2p::api {

/// Adds the routes /openapi.json and /docs.
void serve_documents(http::Server& server);

/// Adds the route of the web page.
void serve_page(http::Server& server);

}  // namespace p2p::api
