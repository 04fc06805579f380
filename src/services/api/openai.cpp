#include "services/api/openai.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/random_id.hpp"
#include "platform/messages/rules.hpp"

namespace p2p::api {
namespace {

using messages::FieldReader;
using messages::Need;
using messages::TextRule;

constexpr int kMostPictures = 10;  // OpenAI's limit
constexpr int kMostSteps = 150;
constexpr int kMostPixels = 1536 * 1536;
constexpr int kMostSide = 4096;
constexpr double kMostGuidance = 50;

constexpr std::array<std::string_view, 20> kFields{"prompt",
                                                   "model",
                                                   "n",
                                                   "size",
                                                   "response_format",
                                                   "seed",
                                                   "negative_prompt",
                                                   "steps",
                                                   "guidance",
                                                   "decoder_steps",
                                                   "decoder_guidance",
                                                   "quality",
                                                   "style",
                                                   "user",
                                                   "moderation",
                                                   "stream",
                                                   "background",
                                                   "output_format",
                                                   "output_compression",
                                                   "partial_images"};

struct Size {
  int width = 0;
  int height = 0;
};

/// "512x768"
std::optional<Size> parse_size(std::string_view text) {
  Size size;
  const char* const end = text.data() + text.size();
  const auto [cross, wrong] = std::from_chars(text.data(), end, size.width);
  if (wrong != std::errc() || cross == end || *cross != 'x') return std::nullopt;
  const auto [stop, also_wrong] = std::from_chars(cross + 1, end, size.height);
  if (also_wrong != std::errc() || stop != end) return std::nullopt;
  if (size.width < 1 || size.height < 1 || size.width > kMostSide || size.height > kMostSide) return std::nullopt;
  if (size.width * size.height > kMostPixels) return std::nullopt;
  return size;
}

bool is_size(std::string_view text) { return text == "auto" || parse_size(text); }
bool is_format(std::string_view text) { return text == "url" || text == "b64_json"; }
bool is_png(std::string_view text) { return text == "png"; }
bool is_opaque(std::string_view text) { return text == "auto" || text == "opaque"; }

constexpr TextRule kPrompt{.max_bytes = messages::kMaxPrompt, .min_bytes = 1};
constexpr TextRule kSize{32, 1, is_size, "WIDTHxHEIGHT of at most 1536x1536 pixels, such as 512x512, or auto"};
constexpr TextRule kFormat{32, 1, is_format, "url or b64_json"};
constexpr TextRule kOutputFormat{32, 1, is_png, "png, the only supported format"};
constexpr TextRule kBackground{32, 1, is_opaque, "auto or opaque: pictures are not transparent"};

void read_size(FieldReader& fields, messages::Request& request) {
  std::string text = "auto";
  fields.text("size", text, kSize, Need::optional);
  if (const auto size = parse_size(text)) {
    request.width = size->width;
    request.height = size->height;
  }
}

Json seconds_json(std::chrono::milliseconds time) { return std::max(0.0, std::chrono::duration<double>(time).count()); }

/// The error of a request that ended without a picture.
ApiError failure_of(const RequestState& state) {
  namespace reason = messages::reason;
  if (state.status == RequestState::Status::cancelled) return {410, "cancelled", "the request was cancelled"};
  if (state.reason == reason::kCannotDo) return {400, state.reason, state.detail};
  if (state.reason == reason::kWithheld) return {400, "content_policy_violation", "the model's safety checker withheld the picture"};
  if (state.reason == reason::kTooLong) return {400, state.reason, "drawing takes too long; request fewer steps or a smaller picture"};
  if (state.reason == reason::kNoWorker) return {503, state.reason, "no worker drew it in time; try again later"};
  return {500, state.reason.empty() ? "failed" : state.reason, "the picture could not be drawn"};
}

}  // namespace

ApiError to_error(const requests::Refused& refused) {
  constexpr std::array kStatuses{429, 429, 429, 404, 422, 503, 500};  // in the order of Refused::Reason
  return {kStatuses.at(static_cast<std::size_t>(refused.reason())), std::string(refused.code()), refused.what()};
}

Json ApiError::json() const {
  const char* const type = status_ == 401   ? "authentication_error"
                           : status_ == 429 ? "rate_limit_error"
                           : status_ < 500  ? "invalid_request_error"
                                            : "server_error";
  return {{"error", {{"message", what()}, {"type", type}, {"param", nullptr}, {"code", code_}}}};
}

Format format_from(std::string_view word) {
  if (!word.empty() && !is_format(word)) throw ApiError(400, "invalid_value", std::string("response_format takes ") + kFormat.form);
  return word == "b64_json" ? Format::b64_json : Format::url;
}

GenerationsBody read_generations_body(std::string_view body, const std::string& default_model) {
  Json json;
  try {
    json = parse_json(body, "the body", {.depth = 8, .values = 1'000});
  } catch (const Error& error) {
    throw ApiError(400, "invalid_json", error.what());
  }
  if (!json.is_object()) throw ApiError(400, "invalid_json", "the body is not a JSON object");
  messages::Problems problems;
  for (auto field = json.begin(); field != json.end();) {
    if (std::ranges::find(kFields, field.key()) == kFields.end()) problems.add(excerpt(field.key()) + ": unknown field");
    field = field->is_null() ? json.erase(field) : std::next(field);
  }
  FieldReader fields(json, "", problems);
  GenerationsBody result{.request = {.model = default_model}};
  messages::Request& request = result.request;
  fields.text("prompt", request.prompt, kPrompt);
  fields.text("model", request.model, messages::kModelRule, Need::optional);
  fields.integer("n", request.count, 1, kMostPictures, Need::optional);
  read_size(fields, request);
  std::string format;
  fields.text("response_format", format, kFormat, Need::optional);
  if (json.contains("seed")) {
    fields.big_integer("seed", request.seed);
  } else {
    request.seed = random_bits() >> 32u;
  }
  fields.text("negative_prompt", request.negative_prompt, messages::kPromptRule, Need::optional);
  fields.integer("steps", request.steps, 1, kMostSteps);
  fields.number("guidance", request.guidance, 0, kMostGuidance);
  fields.integer("decoder_steps", request.decoder_steps, 1, kMostSteps);
  fields.number("decoder_guidance", request.decoder_guidance, 0, kMostGuidance);
  std::string only;
  fields.text("output_format", only, kOutputFormat, Need::optional);
  fields.text("background", only, kBackground, Need::optional);
  if (json.value("stream", Json(false)) != false)
    problems.add("stream: pictures are not streamed; GET /v1/requests/ID/events reports progress");
  if (!problems.empty()) throw ApiError(400, "invalid_value", problems.line());
  result.format = format_from(format);
  return result;
}

Json images_json(const RequestState& state, const ImageJson& image) {
  if (state.status != RequestState::Status::finished) throw failure_of(state).final();
  Json json{{"created", to_millis(state.ended) / 1000}, {"id", state.request.id}, {"data", Json::array()}};
  for (int n = 1; n <= static_cast<int>(state.images.size()); ++n) json["data"].push_back(image(state, n));
  if (!state.notices.empty()) json["notices"] = state.notices;
  return json;
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
    if (view.estimate.position > 0) json["position"] = view.estimate.position;
    if (view.estimate.until_done) json["eta_seconds"] = seconds_json(*view.estimate.until_done);
    return json;
  }
  json["ended"] = to_millis(state.ended) / 1000;
  if (state.status != RequestState::Status::finished) return json.update(failure_of(state).json()), json;
  json["data"] = images_json(state, image)["data"];
  if (!state.seconds.empty()) json["seconds"] = state.seconds;
  if (!state.used.empty()) json["used"] = state.used;
  if (!state.notices.empty()) json["notices"] = state.notices;
  return json;
}

}  // namespace p2p::api
