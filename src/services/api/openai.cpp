#include "services/api/openai.hpp"

#include <algorithm>
#include <array>

#include "services/requests/russian.hpp"

namespace p2p::api {
namespace {

Json seconds_json(std::chrono::milliseconds time) { return std::max(0.0, std::chrono::duration<double>(time).count()); }

/// The error of a request that ended without a picture.
ApiError failure_of(const RequestState& state) {
  namespace reason = messages::reason;
  if (state.status == RequestState::Status::cancelled) return {410, "cancelled", "the request was cancelled"};
  if (state.reason == reason::kCannotDo) return {400, state.reason, state.detail};
  if (state.reason == reason::kWithheld) return {400, "content_policy_violation", "the model's safety checker withheld the picture"};
  if (state.reason == reason::kTooLong) return {400, state.reason, "drawing takes too long; request fewer steps or a smaller picture"};
  if (state.reason == reason::kInputMissing)
    return {410, state.reason, "the picture to begin with is no longer in the store; send the call again"};
  if (state.reason == reason::kNoWorker) return {503, state.reason, "no worker drew it in time; try again later"};
  return {500, state.reason.empty() ? "failed" : state.reason, "the picture could not be drawn"};
}

}  // namespace

ApiError no_such_request() { return {404, "not_found", "there is no such request; those of the last day are known"}; }

ApiError to_error(const requests::Refused& refused) {
  constexpr std::array kStatuses{429, 429, 429, 404, 422, 503, 500};  // in the order of Refused::Reason
  return {kStatuses.at(static_cast<std::size_t>(refused.reason())), std::string(refused.code()), refused.what()};
}

Json ApiError::json() const {
  const char* const type = status_ == 401   ? "authentication_error"
                           : status_ == 429 ? "rate_limit_error"
                           : status_ < 500  ? "invalid_request_error"
                                            : "server_error";
  Json error{{"message", what()}, {"type", type}, {"param", nullptr}, {"code", code_}};
  if (const auto russian = requests::in_russian(message_)) error["translations"]["ru"] = *russian;
  return {{"error", error}};
}

Format format_from(std::string_view word) {
  if (!word.empty() && word != "url" && word != "b64_json") throw ApiError(400, "invalid_value", "response_format takes url or b64_json");
  return word == "b64_json" ? Format::b64_json : Format::url;
}

Json with_notices(Json json, const std::vector<Sentence>& notices) {
  for (const Sentence& notice : notices) {
    json["notices"].push_back(notice.text);
    json["notice_translations"]["ru"].push_back(requests::in_russian(notice).value_or(notice.text));
  }
  return json;
}

Json images_json(const RequestState& state, const ImageJson& image) {
  if (state.status != RequestState::Status::finished) throw failure_of(state).final();
  Json json{{"created", to_millis(state.ended) / 1000},
            {"id", state.request.id},
            {"data", Json::array()},
            {"output_format", messages::format_of(state.images.at(0).key)}};
  for (int n = 1; n <= static_cast<int>(state.images.size()); ++n) json["data"].push_back(image(state, n));
  return with_notices(std::move(json), state.notices);
}

Json card_json(const messages::Model& model) {
  Json card = Json::parse(messages::encode(model));
  for (const char* key : {"schema_version", "id", "time"}) card.erase(key);
  return card;
}

Json status_json(const View& view, const ImageJson& image) {
  const RequestState& state = view.state;
  Json json{{"id", state.request.id},
            {"status", name_of(state.status)},
            {"model", state.request.model},
            {"created", to_millis(state.request.time) / 1000}};
  if (!state.over()) {
    if (state.cancelling) json["cancelling"] = true;
    json["progress"] = state.fraction;
    if (!state.stage.empty()) json["stage"] = state.stage;
    if (state.status == RequestState::Status::drawing && state.preview > 0)  // numbered, so that readers see when it is replaced
      json["preview"] = "/v1/requests/" + state.request.id + "/preview?version=" + std::to_string(state.preview);
    if (view.estimate.position > 0) json["position"] = view.estimate.position;
    if (view.estimate.until_done) json["eta_seconds"] = seconds_json(*view.estimate.until_done);
    return json;
  }
  json["ended"] = to_millis(state.ended) / 1000;
  if (state.status != RequestState::Status::finished) return json.update(failure_of(state).json()), json;
  const Json images = images_json(state, image);
  for (const char* key : {"data", "output_format"}) json[key] = images[key];
  if (!state.seconds.empty()) json["seconds"] = state.seconds;
  if (!state.used.empty()) json["used"] = state.used;
  if (!state.offers.empty()) json["offers"] = state.offers;
  return with_notices(std::move(json), state.notices);
}

}  // namespace p2p::api
