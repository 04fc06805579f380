#include "services/api/routes.hpp"

#include <charconv>

#include "base/log.hpp"
#include "platform/messages/base64.hpp"
#include "services/api/prefer.hpp"

namespace p2p::api {
namespace {

constexpr std::string_view kGenerations = "/v1/images/generations";
constexpr std::string_view kRequests = "/v1/requests/";

http::ServerResponse json_response(int status, const Json& json) {
  return {.status = status,
          .content_type = "application/json",
          .body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
          .headers = {{"Cache-Control", "no-store"}}};
}

/// ID, and what follows it: "", "events", "images/N".
std::pair<std::string, std::string> parts_of(std::string_view path) {
  const std::string_view rest = path.substr(kRequests.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  return {std::string(rest.substr(0, slash)), std::string(rest.substr(std::min(slash + 1, rest.size())))};
}

ApiError no_such_request() { return {404, "not_found", "there is no such request; those of the last day are known"}; }

std::string picture_path(const std::string& id, int n) { return std::string(kRequests) + id + "/images/" + std::to_string(n); }

/// One more call that waits, as long as it lives.
class Waiting {
 public:
  Waiting(std::atomic<int>& count, int most) : count_(count), has_room_(++count <= most) {}
  ~Waiting() { --count_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  bool has_room() const { return has_room_; }

 private:
  std::atomic<int>& count_;
  bool has_room_;
};

}  // namespace

Routes::Routes(http::Server& server, Api& api, const Clients& clients, blob::BlobStore& store, Metrics& metrics, RoutesConfig config)
    : api_(api), clients_(clients), store_(store), metrics_(metrics), config_(std::move(config)) {
  const auto route = [&](const char* method, std::string_view path, const char* name, auto handle) {
    server.route(method, path, [this, name, handle](const Request& request) {
      return answer(name, request, [&](const std::string& client) { return handle(request, client); });
    });
  };
  route("POST", kGenerations, "generations", [this](const auto& request, const auto& client) { return generate(request, client); });
  route("GET", kRequests, "requests", [this](const auto& request, const auto& client) { return show(request, client); });
  route("DELETE", kRequests, "cancel", [this](const auto& request, const auto& client) { return cancel(request, client); });
  route("GET", "/v1/models", "models", [this](const auto&, const auto&) { return list_models(); });
}

template <typename Handle>
http::ServerResponse Routes::answer(const char* route, const Request& request, const Handle& handle) {
  Response response;
  try {
    const auto client = clients_.find(request.header("authorization"));
    if (!client)
      throw ApiError(401, "invalid_api_key", "the header Authorization has to be: Bearer KEY, with a key that the operator gave you");
    response = handle(*client);
  } catch (const ApiError& error) {
    response = json_response(error.status(), error.json());
  } catch (const std::exception& error) {
    log::error("a call of the API failed", {{"route", route}, {"error", error.what()}});
    response = json_response(500, ApiError(500, "internal", "something went wrong here; try again later").json());
  }
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (response.status == 429 || response.status == 503) response.headers.emplace_back("Retry-After", "5");
  metrics_.counter("prompt2pic_api_calls_total", "Calls of the HTTP API.", {{"route", route}, {"status", std::to_string(response.status)}})
      .add();
  return response;
}

http::ServerResponse Routes::generate(const Request& request, const std::string& client) {
  // Which a page of another site cannot send without asking first: where no key is needed, that protects what listens on loopback.
  if (!request.header("content-type").starts_with("application/json"))
    throw ApiError(415, "invalid_content_type", "the header Content-Type has to be application/json");
  const Wish wish = read_wish(request.body, config_.model);
  View view = api_.accept(client, wish.request, std::string(request.header("idempotency-key").substr(0, 256)));
  const std::string id = view.entry.request.id;
  const auto patience = patience_of(request.header("prefer"));
  const Waiting waiting(waiting_, config_.waiting);
  if (patience.count() > 0 && waiting.has_room()) {
    if (auto later = api_.wait(client, id, patience)) view = std::move(*later);
  }
  if (view.entry.over()) return json_response(200, images_json(view.entry, images_as(wish.format, request)));
  Response response = json_response(202, {{"id", id}, {"status", name_of(view.entry.status)}});
  response.headers.emplace_back("Location", std::string(kRequests) + id);
  if (patience.count() == 0) response.headers.emplace_back("Preference-Applied", "respond-async");
  return response;
}

View Routes::view_of(const std::string& id, const std::string& client) const {
  auto view = api_.find(client, id);
  if (!view) throw no_such_request();
  return std::move(*view);
}

http::ServerResponse Routes::show(const Request& request, const std::string& client) {
  constexpr std::string_view kImages = "images/";
  const auto [id, what] = parts_of(request.path);
  const View view = view_of(id, client);
  if (what == "events") return stream(request, view, client);
  if (what.starts_with(kImages)) return show_picture(view, what.substr(kImages.size()));
  if (!what.empty()) throw no_such_request();
  return json_response(200, status_json(view, images_as(format_from(request.query_value("response_format")), request)));
}

http::ServerResponse Routes::show_picture(const View& view, const std::string& number) {
  const auto& images = view.entry.images;
  std::size_t n = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), n);
  if (!view.entry.over()) throw ApiError(404, "not_ready", "the picture is not drawn yet");
  if (problem != std::errc() || end != number.data() + number.size() || n < 1 || n > images.size())
    throw ApiError(404, "not_found", "the request has " + std::to_string(images.size()) + " pictures");
  return {.content_type = "image/png", .body = picture(images[n - 1]), .headers = {{"Cache-Control", "private, max-age=86400"}}};
}

std::string Routes::picture(const messages::StoredImage& image) const {
  try {
    return store_.get(image.key);
  } catch (const blob::BlobError& error) {
    if (error.kind() == blob::BlobError::Kind::missing) throw ApiError(410, "gone", "the picture was deleted");
    log::warn("a picture could not be read", {{"key", image.key}, {"error", error.what()}});
    throw ApiError(503, "unavailable", "the store of pictures does not answer; try again later");
  }
}

http::ServerResponse Routes::stream(const Request& request, const View& view, const std::string& client) {
  const auto room = std::make_shared<Waiting>(waiting_, config_.waiting);
  if (!room->has_room()) throw ApiError(503, "too_many_streams", "too many calls wait; ask for the request itself from time to time");
  const std::string id = view.entry.request.id;
  const auto to_line = [image = images_as(Format::url, request)](const View& now) {
    return "event: " + std::string(name_of(now.entry.status)) +
           "\ndata: " + status_json(now, image).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
  };
  auto told = std::make_shared<std::optional<std::uint64_t>>();
  return {.content_type = "text/event-stream",
          .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
          .stream = [this, room, client, id, to_line, told](std::string& piece) {
            const auto now = *told ? api_.wait(client, id, config_.sign_of_life, *told) : api_.find(client, id);
            if (!now) return false;
            const bool is_news = !*told || now->entry.version != **told;
            piece = is_news ? to_line(*now) : ": still there\n\n";
            *told = now->entry.version;
            return !now->entry.over() && !api_.stopping();
          }};
}

http::ServerResponse Routes::cancel(const Request& request, const std::string& client) {
  const auto [id, what] = parts_of(request.path);
  if (!what.empty() || !api_.cancel(client, id)) throw no_such_request();
  return json_response(200, status_json(view_of(id, client), images_as(Format::url, request)));
}

http::ServerResponse Routes::list_models() const {
  Json data = Json::array();
  for (const std::string& model : api_.models()) data.push_back({{"id", model}, {"object", "model"}, {"owned_by", "prompt2pic"}});
  return json_response(200, {{"object", "list"}, {"data", data}});
}

ImageJson Routes::images_as(Format format, const Request& request) const {
  const std::string here = config_.public_url.empty() ? "http://" + std::string(request.header("host")) : config_.public_url;
  return [this, format, here](const Entry& entry, int n) {
    const messages::StoredImage& image = entry.images.at(static_cast<std::size_t>(n - 1));
    Json json{{"seed", image.seed}, {"width", image.width}, {"height", image.height}};
    if (format == Format::b64_json) {
      json["b64_json"] = messages::to_base64(picture(image));
    } else {
      const auto link = store_.link(image.key, now() + std::min(config_.link_ttl, store_.longest_link()));
      json["url"] = link ? *link : here + picture_path(entry.request.id, n);
    }
    return json;
  };
}

}  // namespace p2p::api
