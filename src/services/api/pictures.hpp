#pragma once

#include <chrono>
#include <string>

#include "base/secret.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"
#include "services/api/input_picture.hpp"
#include "services/api/openai.hpp"

namespace p2p::api {

/// How links to pictures are made; see blob::link_path().
struct PictureLinks {
  std::string public_url;       ///< public address of the server; empty: the address that the client used
  Secret key;                   ///< signs the links
  std::chrono::seconds ttl{0};  ///< their lifetime
};

/// The pictures of requests, in JSON and by themselves. Thread-safe.
class Pictures {
 public:
  /// Keeps the reference.
  Pictures(blob::BlobStore& store, PictureLinks links) : store_(store), links_(std::move(links)) {}

  /// Makes a picture's JSON in that format for a response to `request`. The result refers to this object and throws ApiError where the
  /// store does not have the picture or does not answer.
  ImageJson json(Format format, const http::ServerRequest& request) const;
  /// Picture `number`, from 1, of the request. Throws ApiError where there is none.
  http::ServerResponse show(const RequestState& state, const std::string& number) const;
  /// The newest preview of the request; 204 if it is gone, as after the drawing. Throws ApiError if there was none.
  http::ServerResponse show_preview(const RequestState& state) const;
  /// Stores a picture to begin with. Throws ApiError if the store does not take it.
  void keep(const std::string& key, const InputPicture& picture) const;

 private:
  blob::BlobStore& store_;
  PictureLinks links_;
};

}  // namespace p2p::api
