#include "services/api/routes.hpp"

#include "base/text.hpp"
#include "platform/blob/signature.hpp"
#include "services/api/prefer.hpp"

namespace p2p::api {
namespace {

constexpr std::string_view kGenerations = "/v1/images/generations";
constexpr std::string_view kRequests = "/v1/requests/";
constexpr std::chrono::seconds kLookAgain{1};

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

ApiError no_such_request() { return {404, "not_found", "there is no such request; those of the last day are known"}; }

std::string digest_of(std::string_view body) { return blob::to_hex(blob::hmac("prompt2pic request body", body)); }

}  // namespace

Routes::Routes(http::Server& server, requests::Client& requests, const dispatch::Dispatch& dispatch, const Clients& clients,
               blob::BlobStore& store, Metrics& metrics, RoutesConfig config)
    : requests_(requests),
      dispatch_(dispatch),
      clients_(clients),
      config_(std::move(config)),
      responses_(metrics, config_.cross_origin),
      pictures_(store, {.public_url = config_.public_url, .key = config_.link_key, .ttl = config_.link_ttl}),
      waiting_(config_.waiting, config_.waiting_per_client) {
  const auto route = [&](const char* method, std::string_view path, const char* name, auto handle) {
    server.route(
        method, path,
        [this, name, handle](const Request& request) {
          return responses_.complete(name, [&] { return handle(request, client_of(request)); });
        },
        [this, name](const Request& request) -> std::optional<Response> {
          try {
            client_of(request);
            return std::nullopt;
          } catch (const ApiError&) {
            return responses_.complete(name, []() -> Response { throw; });
          }
        });
  };
  route("POST", kGenerations, "generations", [this](const auto& request, const auto& client) { return generate(request, client); });
  route("GET", kRequests, "requests", [this](const auto& request, const auto& client) { return show(request, client); });
  route("DELETE", kRequests, "cancel", [this](const auto& request, const auto& client) { return cancel(request, client); });
  route("GET", "/v1/models", "models", [this](const auto&, const auto&) { return list_models(); });
  server.route("OPTIONS", "/v1/", [this](const Request&) { return responses_.preflight(); });
}

std::string Routes::client_of(const Request& request) const {
  const auto client = clients_.find(request.header("authorization"));
  if (!client) throw ApiError(401, "invalid_api_key", "the header Authorization must be: Bearer KEY, with a key from the operator");
  // Pages of other sites cannot send this without a preflight. Without keys this protects a server on loopback.
  if (request.method == "POST" && media_type(request.header("content-type")) != "application/json")
    throw ApiError(415, "invalid_content_type", "the header Content-Type must be application/json");
  return *client;
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
  const auto room = waits ? waiting_.enter(client) : nullptr;
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
                    image = pictures_.json(body.format, request)]() -> std::optional<Response> {
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
  return {.later = [this, id, what, client, until, request, room = waiting_.enter(client),
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
  if (what.starts_with(kImages)) return pictures_.show(view.state, what.substr(kImages.size()));
  if (!what.empty()) throw no_such_request();
  return json_response(200, status_json(view, pictures_.json(format_from(request.query_value("response_format")), request)));
}

http::ServerResponse Routes::stream(const Request& request, const View& view, const std::string& client) {
  const std::string id = view.state.request.id;
  const auto to_line = [image = pictures_.json(Format::url, request)](const View& now) {
    return "event: " + std::string(name_of(now.state.status)) +
           "\ndata: " + status_json(now, image).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
  };
  using Clock = std::chrono::steady_clock;
  return {.content_type = "text/event-stream",
          .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
          .stream =
              [this, room = waiting_.enter(client), watch = requests_.watch(id, request.wake), client, id, to_line,
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
  return {.later = [this, id, client, storing, image = pictures_.json(Format::url, request)]() -> std::optional<Response> {
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

}  // namespace p2p::api
