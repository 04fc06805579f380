#include "services/api/routes.hpp"

#include "services/api/picture_form.hpp"
#include "services/api/route_table.hpp"

namespace p2p::api {
namespace {

constexpr std::chrono::seconds kLookAgain{1};

/// Splits into ID and the rest: "", "events", "preview", "images/N".
std::pair<std::string, std::string> parts_of(std::string_view path) {
  const std::string_view rest = path.substr(kRequests.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  return {std::string(rest.substr(0, slash)), std::string(rest.substr(std::min(slash + 1, rest.size())))};
}

}  // namespace

Routes::Routes(http::Server& server, requests::Client& requests, const dispatch::Dispatch& dispatch, const requests::ModelCatalog& catalog,
               const Clients& clients, blob::BlobStore& store, Metrics& metrics, RoutesConfig config)
    : requests_(requests),
      dispatch_(dispatch),
      catalog_(catalog),
      config_(std::move(config)),
      responses_(metrics, config_.cross_origin),
      pictures_(store, {.public_url = config_.public_url, .key = config_.link_key, .ttl = config_.link_ttl}),
      calls_(requests, dispatch, catalog, pictures_, config_.waiting) {
  const RouteTable table(server, clients, responses_);
  table.add("POST", "/v1/images/generations", "generations", [this](const auto& request, const auto& client) {
    return draw(request, client, read_generations_body(request.body, config_.body));
  });
  const auto add_form = [&](std::string_view path, const char* name, auto read) {
    const auto handle = [this, read](const Request& request, const std::string& client) {
      return draw(request, client, read(request.header("content-type"), request.body, config_.body));
    };
    table.add("POST", path, name, handle, kForm);
  };
  add_form("/v1/images/edits", "edits", read_edit);
  add_form("/v1/images/variations", "variations", read_variation_form);
  table.add("GET", kRequests, "requests", [this](const auto& request, const auto& client) { return show(request, client); });
  table.add("DELETE", kRequests, "cancel", [this](const auto& request, const auto& client) { return cancel(request, client); });
  table.add("GET", "/v1/models", "models", [this](const auto&, const auto&) { return list_models(); });
  sdapi_.emplace(table, calls_, requests, dispatch, catalog, pictures_, config_.body);
  server.route("OPTIONS", "/v1/", [this](const Request&) { return responses_.preflight(); });
}

http::ServerResponse Routes::draw(const Request& request, const std::string& client, const GenerationsBody& body) {
  return calls_.draw(request, client, body,
                     [image = pictures_.json(body.format, request)](const RequestState& state) { return images_json(state, image); });
}

http::ServerResponse Routes::show(const Request& request, const std::string& client) {
  const auto [id, what] = parts_of(request.path);
  if (const auto view = calls_.find(client, id)) return show(*view, what, request, client);
  if (!requests::is_fresh(id)) throw no_such_request();
  // Another instance may have accepted it, and its event not have arrived here yet.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  return {.later = [this, id, what, client, until, request, room = calls_.waiting().enter(client),
                    watch = requests_.watch(id, request.wake)]() -> std::optional<Response> {
            if (const auto view = calls_.find(client, id)) return show(*view, what, request, client);
            if (std::chrono::steady_clock::now() < until && !requests_.stopping()) return std::nullopt;
            throw no_such_request();
          },
          .pause = std::chrono::seconds(1)};
}

http::ServerResponse Routes::show(const View& view, const std::string& what, const Request& request, const std::string& client) {
  constexpr std::string_view kImages = "images/";
  if (what == "events") return stream(request, view, client);
  if (what == "preview") return pictures_.show_preview(view.state);
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
              [this, room = calls_.waiting().enter(client), watch = requests_.watch(id, request.wake), client, id, to_line,
               sent_version = std::optional<std::uint64_t>(), at = Clock::now()](std::string& piece) mutable {
                const auto now = calls_.find(client, id);
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
            const auto view = calls_.find(client, id);
            if (!view) throw no_such_request();
            return json_response(200, status_json(*view, image));
          },
          .pause = kLookAgain};
}

http::ServerResponse Routes::list_models() const {
  Json data = Json::array();
  for (const std::string& name : dispatch_.models()) {
    Json& model = data.emplace_back(Json{{"id", name}, {"object", "model"}, {"owned_by", "prompt2pic"}});
    if (name == config_.body.model) model["default"] = true;
    if (const auto description = catalog_.find(name)) model["card"] = card_json(*description);
  }
  return json_response(200, {{"object", "list"}, {"data", data}});
}

}  // namespace p2p::api
