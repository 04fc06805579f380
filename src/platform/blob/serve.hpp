#pragma once

#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"

namespace p2p::blob {

/// The PNG as an answer over HTTP, read in pieces as the caller takes them, so that slow callers hold little memory. Throws BlobError.
/// Keeps the reference.
http::ServerResponse serve_png(BlobStore& store, const std::string& key);

}  // namespace p2p::blob
