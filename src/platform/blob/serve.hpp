#pragma once

#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"

namespace p2p::blob {

/// An HTTP response with the PNG, read in pieces as the client takes them, so that slow clients hold little memory. Keeps the
/// reference. Throws BlobError.
http::ServerResponse serve_png(BlobStore& store, const std::string& key);

}  // namespace p2p::blob
