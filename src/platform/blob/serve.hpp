#pragma once

#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"

namespace p2p::blob {

/// An HTTP response with the picture, of the media type that its key has, read in pieces as the client takes them, so that slow clients
/// hold little memory. Keeps the reference. Throws BlobError.
http::ServerResponse serve_picture(BlobStore& store, const std::string& key);

}  // namespace p2p::blob
