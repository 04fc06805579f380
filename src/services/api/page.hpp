#pragma once

#include <string>

#include "platform/http/server.hpp"

namespace p2p::api {

/// Adds the routes /openapi.json and /docs.
void serve_documents(http::Server& server);

/// Adds the routes of the web page. `store`: the address of the store to which links of pictures lead; empty: this server.
void serve_page(http::Server& server, const std::string& store);

}  // namespace p2p::api
