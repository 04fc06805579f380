#include "services/api/routes.hpp"

#include <charconv>

#include "base/log.hpp"
#include "base/text.hpp"
#include "platform/blob/serve.hpp"
#include "platform/blob/signature.hpp"
#include "platform/messages/base64.hpp"
#include "services/api/prefer.hpp"

namespace p2p::api {
namespace {

constexpr std::string_view kGenerations = "/v1/images/generations";
constexpr std::string_view kRequests = "/v1/requests/";
constexpr std::chrono::seconds kLookAgain{1};

http::ServerResponse json_response(int status, const Json& json) {
  return {.status = status,
          .content_type = "application/json",
          .body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
          .headers = {{"Cache-Control", "no-store"}}};
}

/// Splits into ID and the rest: "", "events", "images/N".
std::pair<std::string, std::string> parts_of(std::string_view path) {
  const std::string_view rest = path.substr(kRequests.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  return {std::string(rest.substr(0, slash)), std::string(rest.substr(std::min(slash + 1, rest.size())))};
}

/// The media type without parameters.
std::string media_type(std::string_view header) {
  std::string type = to_lower(header.substr(0, header.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  return type;
}

/// The address that the client used, possibly through a proxy.
std::string address_of(const http::ServerRequest& request) {
  const auto first = [&](const char* header, std::string_view otherwise) {
    const std::string_view value = request.header(header);
    return std::string(value.empty() ? otherwise : value.substr(0, value.find(',')));
  };
  const std::string host = first("x-forwarded-host", request.header("host"));
  return (first("x-forwarded-proto", "http") == "https" ? "https://" : "http://") + host;
}

ApiError no_such_request() { return {404, "not_found", "there is no such request; those of the last day are known"}; }

/// CORS headers of responses to pages of other sites, and of preflights.
constexpr std::string_view kMethods = "GET, POST, DELETE, OPTIONS";
constexpr std::string_view kRequestHeaders = "Authorization, Content-Type, Idempotency-Key, Prefer, Last-Event-ID";
constexpr std::string_view kResponseHeaders = "Location, Preference-Applied, Retry-After, X-Should-Retry";

std::string digest_of(std::string_view body) { return blob::to_hex(blob::hmac("prompt2pic request body", body)); }

}  // namespace

http::ServerResponse error_answer(int status, const std::string& path, const std::string& text) {
  if (!path.starts_with("/v1/")) return {.body = text + "\n"};
  const char* const code = status == 404 ? "not_found" : status == 405 ? "method_not_allowed" : status == 413 ? "too_large" : "bad_request";
  return json_response(status, ApiError(status, status == 429 ? "too_many_requests" : code, text).json());
}

Routes::Routes(http::Server& server, requests::Client& requests, const dispatch::Dispatch& dispatch, const Clients& clients,
               blob::BlobStore& store, Metrics& metrics, RoutesConfig config)
    : requests_(requests), dispatch_(dispatch), clients_(clients), store_(store), metrics_(metrics), config_(std::move(config)) {
  const auto route = [&](const char* method, std::string_view path, const char* name, auto handle) {
    server.route(
        method, path,
        [this, name, handle](const Request& request) { return answer(name, [&] { return handle(request, client_of(request)); }); },
        [this, name](const Request& request) -> std::optional<Response> {
          try {
            client_of(request);
            return std::nullopt;
          } catch (const ApiError&) {
            return answer(name, []() -> Response { throw; });
          }
        });
  };
  route("POST", kGenerations, "generations", [this](const auto& request, const auto& client) { return generate(request, client); });
  route("GET", kRequests, "requests", [this](const auto& request, const auto& client) { return show(request, client); });
  route("DELETE", kRequests, "cancel", [this](const auto& request, const auto& client) { return cancel(request, client); });
  route("GET", "/v1/models", "models", [this](const auto&, const auto&) { return list_models(); });
  server.route("OPTIONS", "/v1/", [this](const Request&) {
    Response response{.status = 204, .headers = {{"Allow", std::string(kMethods)}}};
    if (config_.cross_origin) {
      response.headers = {{"Access-Control-Allow-Origin", "*"},
                          {"Access-Control-Allow-Methods", std::string(kMethods)},
                          {"Access-Control-Allow-Headers", std::string(kRequestHeaders)},
                          {"Access-Control-Max-Age", "86400"}};
    }
    return response;
  });
}

std::string Routes::client_of(const Request& request) const {
  const auto client = clients_.find(request.header("authorization"));
  if (!client) throw ApiError(401, "invalid_api_key", "the header Authorization must be: Bearer KEY, with a key from the operator");
  // Pages of other sites cannot send this without a preflight. Without keys this protects a server on loopback.
  if (request.method == "POST" && media_type(request.header("content-type")) != "application/json")
    throw ApiError(415, "invalid_content_type", "the header Content-Type must be application/json");
  return *client;
}

http::ServerResponse Routes::answer(const char* route, const std::function<Response()>& handle) {
  Response response;
  const auto refuse = [&](const ApiError& error) {
    response = json_response(error.status(), error.json());
    if (error.is_final()) response.headers.emplace_back("X-Should-Retry", "false");
    if (!error.location().empty()) response.headers.emplace_back("Location", error.location());
  };
  try {
    response = handle();
  } catch (const ApiError& error) {
    refuse(error);
  } catch (const requests::Refused& error) {
    refuse(to_error(error));
  } catch (const std::exception& error) {
    log::error("a call of the API failed", {{"route", route}, {"error", error.what()}});
    response = json_response(500, ApiError(500, "internal", "internal error; try again later").json());
  }
  if (response.later) {
    response.later = [this, route, later = std::move(response.later)]() -> std::optional<Response> {
      std::optional<Response> known;
      Response answered = answer(route, [&] {
        known = later();
        return known ? std::move(*known) : Response{.status = 0};
      });
      if (answered.status == 0) return std::nullopt;
      return answered;
    };
  } else if (response.status != 0) {
    finish(route, response);
  }
  return response;
}

void Routes::finish(const char* route, Response& response) const {
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (response.status == 429 || response.status == 503) response.headers.emplace_back("Retry-After", "5");
  if (config_.cross_origin) {
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    response.headers.emplace_back("Access-Control-Expose-Headers", kResponseHeaders);
  }
  metrics_.counter("prompt2pic_api_calls_total", "Calls of the HTTP API.", {{"route", route}, {"status", std::to_string(response.status)}})
      .add();
}

std::shared_ptr<void> Routes::wait_for(const std::string& client) {
  const std::scoped_lock lock(mutex_);
  std::size_t& own = waiting_[client];
  if (own >= config_.waiting_per_client || all_waiting_ >= config_.waiting)
    throw ApiError(503, "too_many_calls_wait", "too many calls are waiting; poll the request instead");
  ++own;
  ++all_waiting_;
  return {nullptr, [this, client](void*) {
            const std::scoped_lock end(mutex_);
            if (--waiting_.at(client) == 0) waiting_.erase(client);
            --all_waiting_;
          }};
}

std::optional<View> Routes::find(const std::string& client, const std::string& id) const {
  auto state = requests_.find(client, id);
  if (!state) return std::nullopt;
  const auto estimate = state->over() ? dispatch::Estimate{} : dispatch_.estimate(id);
  return View{std::move(*state), estimate};
}

http::ServerResponse Routes::generate(const Request& request, const std::string& client) {
  constexpr std::size_t kMostKey = 255;
  const std::string_view repeat_key = request.header("idempotency-key");
  if (repeat_key.size() > kMostKey)
    throw ApiError(400, "invalid_idempotency_key", "the header Idempotency-Key has more than 255 characters");
  const GenerationsBody body = read_generations_body(request.body, config_.model);
  const auto preference = preference_of(request.header("prefer"));
  const bool waits = preference != std::chrono::seconds(0);  // otherwise the response is 202, even if the picture is ready
  const auto room = waits ? wait_for(client) : nullptr;
  // OpenAI's libraries retry automatically when a connection or a proxy fails, and set this header.
  const std::string_view retries = request.header("x-stainless-retry-count");
  if (!requests_.problem().empty() || !dispatch_.problem().empty()) throw requests::Refused::unavailable();
  dispatch_.check_served(body.request.model);
  const auto accepted = requests_.submit(
      client, body.request,
      {.key = std::string(repeat_key), .digest = digest_of(request.body), .is_retry = !retries.empty() && retries != "0"}, request.wake);
  // They time out after ten minutes, which is also the default here: respond a little earlier.
  const std::chrono::seconds own_wait = config_.wait - std::min(config_.wait / 60, std::chrono::seconds(10));
  const auto until = std::chrono::steady_clock::now() + preference.value_or(own_wait);
  const std::string location = std::string(kRequests) + accepted.id;
  return {.later = [this, client, accepted, room, watch = requests_.watch(accepted.id, request.wake), until, location, waits, preference,
                    image = images_as(body.format, request)]() -> std::optional<Response> {
            if (!accepted.storing->is_done()) return std::nullopt;
            const auto view = find(client, accepted.id);
            if (!view) throw no_such_request();
            if (waits && view->state.over()) return json_response(200, images_json(view->state, image));
            const bool stopping = requests_.stopping();
            if (waits && !stopping && std::chrono::steady_clock::now() < until) return std::nullopt;
            if (!preference) {
              throw ApiError(stopping ? 503 : 504, stopping ? "stopping" : "not_drawn_yet",
                             "the picture is not drawn yet; GET " + location + " shows its state")
                  .final()
                  .at(location);
            }
            Response response = json_response(202, {{"id", accepted.id}, {"status", name_of(view->state.status)}});
            response.headers.emplace_back("Location", location);
            if (!waits) response.headers.emplace_back("Preference-Applied", "respond-async");
            return response;
          },
          .pause = kLookAgain};
}

http::ServerResponse Routes::show(const Request& request, const std::string& client) {
  const auto [id, what] = parts_of(request.path);
  if (const auto view = find(client, id)) return show(*view, what, request, client);
  if (!requests::is_fresh(id)) throw no_such_request();
  // Another instance may have accepted it, and its event not have arrived here yet.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  return {.later = [this, id, what, client, until, request, room = wait_for(client),
                    watch = requests_.watch(id, request.wake)]() -> std::optional<Response> {
            if (const auto view = find(client, id)) return show(*view, what, request, client);
            if (std::chrono::steady_clock::now() < until && !requests_.stopping()) return std::nullopt;
            throw no_such_request();
          },
          .pause = std::chrono::seconds(1)};
}

http::ServerResponse Routes::show(const View& view, const std::string& what, const Request& request, const std::string& client) {
  constexpr std::string_view kImages = "images/";
  if (what == "events") return stream(request, view, client);
  if (what.starts_with(kImages)) return show_picture(view, what.substr(kImages.size()));
  if (!what.empty()) throw no_such_request();
  return json_response(200, status_json(view, images_as(format_from(request.query_value("response_format")), request)));
}

template <typename Read>
auto Routes::from_store(const std::string& key, const Read& read) const {
  try {
    return read();
  } catch (const blob::BlobError& error) {
    if (error.kind() == blob::BlobError::Kind::missing) throw ApiError(410, "gone", "the picture was deleted");
    log::warn("a picture could not be read", {{"key", key}, {"error", error.what()}});
    throw ApiError(503, "unavailable", "the store of pictures does not answer; try again later");
  }
}

http::ServerResponse Routes::show_picture(const View& view, const std::string& number) {
  const auto& images = view.state.images;
  std::size_t n = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), n);
  if (!view.state.over()) throw ApiError(404, "not_ready", "the picture is not drawn yet");
  if (problem != std::errc() || end != number.data() + number.size() || n < 1 || n > images.size())
    throw ApiError(404, "not_found", "the request has " + std::to_string(images.size()) + " pictures");
  return from_store(images[n - 1].key, [&] { return blob::serve_png(store_, images[n - 1].key); });
}

http::ServerResponse Routes::stream(const Request& request, const View& view, const std::string& client) {
  const std::string id = view.state.request.id;
  const auto to_line = [image = images_as(Format::url, request)](const View& now) {
    return "event: " + std::string(name_of(now.state.status)) +
           "\ndata: " + status_json(now, image).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
  };
  using Clock = std::chrono::steady_clock;
  return {.content_type = "text/event-stream",
          .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
          .stream =
              [this, room = wait_for(client), watch = requests_.watch(id, request.wake), client, id, to_line,
               sent_version = std::optional<std::uint64_t>(), at = Clock::now()](std::string& piece) mutable {
                const auto now = find(client, id);
                if (!now) return false;
                if (sent_version != now->state.version) {
                  piece = to_line(*now);
                  sent_version = now->state.version;
                  at = Clock::now();
                } else if (Clock::now() - at >= config_.keep_alive) {
                  piece = ": keep-alive\n\n";
                  at = Clock::now();
                }
                return !now->state.over() && !requests_.stopping();
              },
          .pause = config_.keep_alive};
}

http::ServerResponse Routes::cancel(const Request& request, const std::string& client) {
  const auto [id, what] = parts_of(request.path);
  const auto storing = what.empty() ? requests_.cancel(client, id, request.wake) : nullptr;
  if (!storing) throw no_such_request();
  return {.later = [this, id, client, storing, image = images_as(Format::url, request)]() -> std::optional<Response> {
            if (!storing->is_done()) return std::nullopt;
            const auto view = find(client, id);
            if (!view) throw no_such_request();
            return json_response(200, status_json(*view, image));
          },
          .pause = kLookAgain};
}

http::ServerResponse Routes::list_models() const {
  Json data = Json::array();
  for (const std::string& model : dispatch_.models()) data.push_back({{"id", model}, {"object", "model"}, {"owned_by", "prompt2pic"}});
  return json_response(200, {{"object", "list"}, {"data", data}});
}

ImageJson Routes::images_as(Format format, const Request& request) const {
  const std::string here = config_.public_url.empty() ? address_of(request) : config_.public_url;
  return [this, format, here](const RequestState& state, int n) {
    const messages::StoredImage& image = state.images.at(static_cast<std::size_t>(n - 1));
    Json json{{"seed", image.seed}, {"width", image.width}, {"height", image.height}};
    if (format == Format::b64_json) {
      json["b64_json"] = messages::to_base64(from_store(image.key, [&] { return store_.get(image.key); }));
    } else {
      json["url"] = here + blob::link_path(config_.link_key, image.key, now() + config_.link_ttl);
    }
    return json;
  };
}

}  // namespace p2p::api
