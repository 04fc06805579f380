#include "services/api/sdapi_routes.hpp"

#include "services/api/sdapi.hpp"

namespace p2p::api {

SdapiRoutes::SdapiRoutes(const RouteTable& table, GenerationCalls& calls, requests::Client& requests, const dispatch::Dispatch& dispatch,
                         const requests::ModelCatalog& catalog, const Pictures& pictures, const BodyRules& rules)
    : calls_(calls), requests_(requests), dispatch_(dispatch), catalog_(catalog), pictures_(pictures), rules_(rules) {
  const auto add = [&](const char* method, const std::string& what, RouteTable::Handle handle, RouteBody body = kJsonBody) {
    table.add(method, "/sdapi/v1/" + what, "sdapi", std::move(handle), body);
  };
  add("POST", "txt2img", [this](const auto& request, const auto& client) { return draw(request, client); });
  add("POST", "img2img", [this](const auto& request, const auto& client) { return draw_from_picture(request, client); }, kJsonWithFile);
  add("POST", "options", [this](const auto& request, const auto& client) { return set_options(request, client); });
  add("POST", "interrupt", [this](const auto& request, const auto& client) { return interrupt(request, client); });
  add("GET", "options", [this](const auto&, const auto& client) { return json_response(200, options_json(model_of(client))); });
  add("GET", "sd-models", [this](const auto&, const auto&) {
    const auto models = dispatch_.models();
    return json_response(200, sd_models_json({models.begin(), models.end()}));
  });
  add("GET", "samplers",
      [this](const auto&, const auto& client) { return json_response(200, samplers_json(samplers_of(model_of(client)))); });
  add("GET", "progress", [this](const auto&, const auto& client) {
    const auto id = requests_.current_of(client);
    const auto view = id ? calls_.find(client, *id) : std::nullopt;
    return json_response(200, progress_json(view ? &*view : nullptr));
  });
}

http::ServerResponse SdapiRoutes::draw(const Request& request, const std::string& client) {
  const BodyRules rules = rules_of(client);
  return draw(request, client, read_txt2img(request.body, rules, samplers_of(rules.model)));
}

http::ServerResponse SdapiRoutes::draw_from_picture(const Request& request, const std::string& client) {
  const BodyRules rules = rules_of(client);
  std::string picture;
  return draw(request, client, read_img2img(request.body, rules, samplers_of(rules.model), picture));
}

http::ServerResponse SdapiRoutes::draw(const Request& request, const std::string& client, const GenerationsBody& body) {
  const auto finish = [image = pictures_.json(Format::b64_json, request)](const RequestState& state) {
    return sdapi_images_json(state, image);
  };
  return calls_.draw(request, client, body, finish);
}

http::ServerResponse SdapiRoutes::set_options(const Request& request, const std::string& client) {
  constexpr std::size_t kMostClients = 10'000;
  std::string model = model_of_options(request.body);
  if (const auto alias = rules_.aliases.find(model); alias != rules_.aliases.end()) model = alias->second;
  if (model.empty()) return json_response(200, Json());
  dispatch_.check_served(model);
  const std::scoped_lock lock(mutex_);
  if (models_.size() >= kMostClients) models_.clear();
  models_[client] = model;
  return json_response(200, Json());
}

http::ServerResponse SdapiRoutes::interrupt(const Request& request, const std::string& client) {
  const auto id = requests_.current_of(client);
  const auto storing = id ? requests_.cancel(client, *id, request.wake) : nullptr;
  if (!storing) return json_response(200, Json::object());
  return {.later = [storing]() -> std::optional<Response> {
            if (!storing->is_done()) return std::nullopt;
            return json_response(200, Json::object());
          },
          .pause = std::chrono::seconds(1)};
}

std::string SdapiRoutes::model_of(const std::string& client) const {
  const std::scoped_lock lock(mutex_);
  const auto chosen = models_.find(client);
  return chosen == models_.end() ? rules_.model : chosen->second;
}

BodyRules SdapiRoutes::rules_of(const std::string& client) const {
  BodyRules rules = rules_;
  rules.model = model_of(client);
  return rules;
}

std::vector<std::string> SdapiRoutes::samplers_of(const std::string& model) const {
  const auto description = catalog_.find(model);
  return description ? description->samplers : std::vector<std::string>();
}

}  // namespace p2p::api
