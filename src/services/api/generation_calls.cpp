#include "services/api/generation_calls.hpp"

#include <algorithm>

#include "platform/blob/signature.hpp"
#include "services/api/prefer.hpp"
#include "services/api/responses.hpp"

namespace p2p::api {
namespace {

std::string digest_of(std::string_view body) { return blob::to_hex(blob::hmac("prompt2pic request body", body)); }

}  // namespace

std::optional<View> GenerationCalls::find(const std::string& client, const std::string& id) const {
  auto state = requests_.find(client, id);
  if (!state) return std::nullopt;
  const auto estimate = state->over() ? dispatch::Estimate{} : dispatch_.estimate(id);
  return View{std::move(*state), estimate};
}

void GenerationCalls::check_takes_pictures(const std::string& model) const {
  const auto description = catalog_.find(model);
  if (description && std::ranges::find(description->features, messages::feature::kImage) == description->features.end())
    throw ApiError(
        400, "cannot_do",
        sentence("takes_no_pictures", "the model {0} takes no pictures; GET /v1/models says by the feature image which models do", model));
}

http::ServerResponse GenerationCalls::draw(const http::ServerRequest& call, const std::string& client, const GenerationsBody& body,
                                           const Finish& finish) {
  constexpr std::size_t kMostKey = 255;
  const std::string_view repeat_key = call.header("idempotency-key");
  if (repeat_key.size() > kMostKey)
    throw ApiError(400, "invalid_idempotency_key", "the header Idempotency-Key has more than 255 characters");
  const auto preference = preference_of(call.header("prefer"));
  const bool waits = preference != std::chrono::seconds(0);  // otherwise the response is 202, even if the picture is ready
  const auto room = waits ? waiting_.enter(client) : nullptr;
  // OpenAI's libraries retry automatically when a connection or a proxy fails, and set this header.
  const std::string_view retries = call.header("x-stainless-retry-count");
  if (!requests_.problem().empty() || !dispatch_.problem().empty()) throw requests::Refused::unavailable();
  dispatch_.check_served(body.request.model);
  requests::Client::Prepare store_picture;
  if (!body.picture.empty()) {
    check_takes_pictures(body.request.model);
    store_picture = [&](messages::Request& request) {
      request.image_key = messages::input_key(request.id, request.time, body.picture.extension);
      pictures_.keep(request.image_key, body.picture);
    };
  }
  const auto accepted = requests_.submit(client, body.request,
                                         {.key = std::string(repeat_key),
                                          .digest = body.digest.empty() ? digest_of(call.body) : body.digest,
                                          .is_retry = !retries.empty() && retries != "0"},
                                         call.wake, store_picture);
  // They time out after ten minutes, which is also the default here: respond a little earlier.
  const std::chrono::seconds own_wait = rules_.wait - std::min(rules_.wait / 60, std::chrono::seconds(10));
  const auto until = std::chrono::steady_clock::now() + preference.value_or(own_wait);
  const std::string location = std::string(kRequests) + accepted.id;
  return {.later = [this, client, accepted, room, watch = requests_.watch(accepted.id, call.wake), until, location, waits, preference,
                    notices = body.notices, finish]() -> std::optional<http::ServerResponse> {
            if (!accepted.storing->is_done()) return std::nullopt;
            const auto view = find(client, accepted.id);
            if (!view) throw no_such_request();
            if (waits && view->state.over()) return json_response(200, with_notices(finish(view->state), notices));
            const bool stopping = requests_.stopping();
            if (waits && !stopping && std::chrono::steady_clock::now() < until) return std::nullopt;
            if (!preference) {
              throw ApiError(stopping ? 503 : 504, stopping ? "stopping" : "not_drawn_yet",
                             "the picture is not drawn yet; GET " + location + " shows its state")
                  .final()
                  .at(location);
            }
            http::ServerResponse response =
                json_response(202, with_notices({{"id", accepted.id}, {"status", name_of(view->state.status)}}, notices));
            response.headers.emplace_back("Location", location);
            if (!waits) response.headers.emplace_back("Preference-Applied", "respond-async");
            return response;
          },
          .pause = std::chrono::seconds(1)};
}

}  // namespace p2p::api
