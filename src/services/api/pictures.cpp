#include "services/api/pictures.hpp"

#include <charconv>

#include "base/log.hpp"
#include "platform/blob/serve.hpp"
#include "platform/messages/base64.hpp"

namespace p2p::api {
namespace {

/// The address that the client used, possibly through a proxy.
std::string address_of(const http::ServerRequest& request) {
  const auto first = [&](const char* header, std::string_view otherwise) {
    const std::string_view value = request.header(header);
    return std::string(value.empty() ? otherwise : value.substr(0, value.find(',')));
  };
  const std::string host = first("x-forwarded-host", request.header("host"));
  return (first("x-forwarded-proto", "http") == "https" ? "https://" : "http://") + host;
}

/// Calls `read` and converts errors of the store to ApiError.
template <typename Read>
auto from_store(const std::string& key, const Read& read) {
  try {
    return read();
  } catch (const blob::BlobError& error) {
    if (error.kind() == blob::BlobError::Kind::missing) throw ApiError(410, "gone", "the picture was deleted");
    log::warn("a picture could not be read", {{"key", key}, {"error", error.what()}});
    throw ApiError(503, "unavailable", "the store of pictures does not answer; try again later");
  }
}

}  // namespace

http::ServerResponse Pictures::show(const RequestState& state, const std::string& number) const {
  const auto& images = state.images;
  std::size_t n = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), n);
  if (!state.over()) throw ApiError(404, "not_ready", "the picture is not drawn yet");
  if (problem != std::errc() || end != number.data() + number.size() || n < 1 || n > images.size())
    throw ApiError(404, "not_found", "the request has " + std::to_string(images.size()) + " pictures");
  return from_store(images[n - 1].key, [&] { return blob::serve_picture(store_, images[n - 1].key); });
}

http::ServerResponse Pictures::show_preview(const RequestState& state) const {
  constexpr std::size_t kMostBytes = 1u << 20u;
  if (state.preview == 0) throw ApiError(404, "not_found", "the request has no preview");
  http::ServerResponse response{.content_type = "image/png", .headers = {{"Cache-Control", "no-store"}}};
  const std::string key = messages::preview_key(state.request.id, state.request.time);
  try {
    blob::BlobStore::Part part = store_.read(key, 0, kMostBytes);
    if (part.bytes.size() == part.total) return response.body = std::move(part.bytes), response;
  } catch (const blob::BlobError& error) {  // stores refuse access to missing objects if the key may not list
    log::debug("a preview could not be read", {{"key", key}, {"error", error.what()}});
  }
  return {.status = 204, .headers = {{"Cache-Control", "no-store"}}};
}

void Pictures::keep(const std::string& key, const InputPicture& picture) const {
  try {
    store_.put(key, picture.bytes, picture.media_type());
  } catch (const blob::BlobError& error) {
    log::warn("a picture to begin with could not be stored", {{"key", key}, {"error", error.what()}});
    throw ApiError(503, "unavailable", "the store of pictures does not take the picture; try again later");
  }
}

ImageJson Pictures::json(Format format, const http::ServerRequest& request) const {
  const std::string here = links_.public_url.empty() ? address_of(request) : links_.public_url;
  return [this, format, here](const RequestState& state, int n) {
    const messages::StoredImage& image = state.images.at(static_cast<std::size_t>(n - 1));
    Json json{{"seed", image.seed}, {"width", image.width}, {"height", image.height}};
    if (format == Format::b64_json) {
      json["b64_json"] = messages::to_base64(from_store(image.key, [&] { return store_.get(image.key); }));
    } else {
      json["url"] = here + blob::link_path(links_.key, image.key, now() + links_.ttl);
    }
    return json;
  };
}

}  // namespace p2p::api
