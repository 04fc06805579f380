#include "platform/blob/serve.hpp"

#include "platform/blob/content.hpp"

namespace p2p::blob {

http::ServerResponse serve_picture(BlobStore& store, const std::string& key) {
  constexpr std::size_t kPiece = 128u << 10u;
  BlobStore::Part first = store.read(key, 0, kPiece);
  http::ServerResponse response{.content_type = media_type_of(key), .headers = {{"Cache-Control", "private, max-age=86400"}}};
  if (first.bytes.size() == first.total) {
    response.body = std::move(first.bytes);
    return response;
  }
  response.length = first.total;
  response.stream = [&store, key, piece = std::move(first.bytes), sent = std::size_t{0}, total = first.total](std::string& next) mutable {
    if (sent > 0) {
      BlobStore::Part part = store.read(key, sent, kPiece);
      if (part.total != total || part.bytes.empty())
        throw BlobError(BlobError::Kind::unavailable, "object " + key + " changed while it was read");
      piece = std::move(part.bytes);
    }
    sent += piece.size();
    next = std::exchange(piece, {});
    return sent < total;
  };
  return response;
}

}  // namespace p2p::blob
