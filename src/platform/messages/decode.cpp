#include <algorithm>
#include <array>
#include <functional>

#include "platform/messages/base64.hpp"
#include "platform/messages/messages.hpp"
#include "platform/messages/rules.hpp"

namespace p2p::messages {
namespace {

/// Reads the three common fields. False for another schema version, since nothing else can be checked then.
bool read_envelope(FieldReader& fields, std::string& id, Time& time) {
  const Json* const version = fields.find("schema_version", Need::required);
  if (version && !(version->is_number() && *version == kSchemaVersion)) {
    fields.problem("schema_version",
                   "expected " + std::to_string(kSchemaVersion) + ", the one version that is understood, found " + excerpt(*version));
    return false;
  }
  fields.text("id", id, kIdRule);
  fields.time("time", time);
  return true;
}

void read(FieldReader& fields, Request& request) {
  if (!read_envelope(fields, request.id, request.time)) return;
  fields.text("model", request.model, kModelRule);
  fields.text("prompt", request.prompt, kPromptRule);
  fields.text("negative_prompt", request.negative_prompt, kPromptRule, Need::optional);
  fields.big_integer("seed", request.seed);
  fields.integer("count", request.count, 1, kMaxImages, Need::optional);
  fields.integer("picture", request.picture, 1, kMaxImages, Need::optional);
  fields.integer("width", request.width, 1, kMaxPixels);
  fields.integer("height", request.height, 1, kMaxPixels);
  fields.integer("steps", request.steps, 1, kMaxSteps);
  fields.number("guidance", request.guidance, -kMaxGuidance, kMaxGuidance);
  fields.integer("decoder_steps", request.decoder_steps, 1, kMaxSteps);
  fields.number("decoder_guidance", request.decoder_guidance, -kMaxGuidance, kMaxGuidance);
  fields.big_integers("variations", request.variations, kMaxVariations);
  fields.number("upscale", request.upscale, 1, kMaxUpscale);
  fields.integer("clip_skip", request.clip_skip, 1, kMaxClipSkip);
  fields.text("sampler", request.sampler, kNameRule, Need::optional);
  fields.number("strength", request.strength, 0, 1);
  fields.text("image_key", request.image_key, kInputKeyRule, Need::optional);
  fields.text("output_format", request.output_format, kOutputFormatRule, Need::optional);
  fields.integer("output_compression", request.output_compression, 0, kMaxCompression, Need::optional);
  fields.integer("dispatch", request.dispatch, 1, kMaxCount, Need::optional);
  fields.integer("strikes", request.failed_attempts, 0, kMaxCount, Need::optional);
}

void read_accepted(FieldReader& fields, Event& event) {
  const Json* const json = fields.container("request", Json::value_t::object, 0, kMaxMessage, Need::required);
  if (!json) return;
  FieldReader inner(*json, fields.path_of("request."), fields.problems());
  Accepted accepted;
  read(inner, accepted.request);
  if (accepted.request.id != event.id) inner.problem("id", "is not the event's");
  fields.text("client", accepted.client, kOwnerRule, Need::optional);
  fields.text("digest", accepted.digest, kIdRule, Need::optional);
  event.what = std::move(accepted);
}

void read_started(FieldReader& fields, Event& event) { fields.integer("attempt", event.what.emplace<Started>().attempt, 1, kMaxCount); }

StoredImage read_image(FieldReader fields) {
  StoredImage image;
  std::uint64_t bytes = 0;
  fields.text("key", image.key, kKeyRule);
  fields.integer("width", image.width, 1, kMaxPixels);
  fields.integer("height", image.height, 1, kMaxPixels);
  fields.big_integer("seed", image.seed);
  fields.big_integer("bytes", bytes);
  image.bytes = bytes;
  return image;
}

/// Calls `read_value` for each name in an object whose names are words.
void read_named(FieldReader& fields, const char* key, const std::function<void(FieldReader& inner, const std::string& name)>& read_value) {
  const Json* const object = fields.container(key, Json::value_t::object, 0, kMaxEntries, Need::optional);
  if (!object) return;
  FieldReader inner(*object, fields.path_of(key) + ".", fields.problems());
  for (const auto& [name, value] : object->items()) {
    if (is_word(name)) {
      read_value(inner, name);
    } else {
      fields.problem(key, std::string("expected ") + kWordRule.form + " as a name, found " + excerpt(name));
    }
  }
}

void read_images(FieldReader& fields, std::vector<StoredImage>& stored, std::map<std::string, double>& seconds, Need need) {
  if (const Json* const images = fields.container("images", Json::value_t::array, 1, kMaxImages, need)) {
    for (std::size_t i = 0; i < images->size(); ++i) {
      const std::string name = "images[" + std::to_string(i) + "]";
      if (!(*images)[i].is_object()) {
        fields.problem(name, "expected an object, found " + excerpt((*images)[i]));
        continue;
      }
      stored.push_back(read_image({(*images)[i], fields.path_of(name) + ".", fields.problems()}));
    }
  }
  read_named(fields, "seconds",
             [&](FieldReader& inner, const std::string& name) { inner.number(name.c_str(), seconds[name], 0, kMaxSeconds); });
}

void read_progress(FieldReader& fields, Event& event) {
  std::string stage;
  fields.text("stage", stage, kWordRule);
  if (stage == kHandedBack) {
    auto& back = event.what.emplace<HandedBack>();
    fields.integer("strikes", back.failed_attempts, 0, kMaxCount);
    return read_images(fields, back.images, back.seconds, Need::optional);
  }
  auto& progress = event.what.emplace<Progress>();
  progress.stage = std::move(stage);
  fields.integer("step", progress.step, 0, kMaxCount, Need::optional);
  fields.integer("total", progress.total, 0, kMaxCount, Need::optional);
  fields.number("fraction", progress.fraction, 0, 1, Need::optional);
  fields.text("preview", progress.preview, kPreviewKeyRule, Need::optional);
}

/// The code and the values of a sentence, whose text is in another field.
void read_parts(FieldReader& fields, const std::string& name, const Json& json, Sentence& sentence) {
  if (!json.is_object()) return fields.problem(name, "expected an object, found " + excerpt(json));
  FieldReader inner(json, fields.path_of(name) + ".", fields.problems());
  inner.text("code", sentence.code, kWordRule, Need::optional);
  inner.texts("values", sentence.values, kValueRule, kMaxValues);
}

void read_finished(FieldReader& fields, Event& event) {
  auto& finished = event.what.emplace<Finished>();
  read_images(fields, finished.images, finished.seconds, Need::required);
  read_named(fields, "used",
             [&](FieldReader& inner, const std::string& name) { inner.text(name.c_str(), finished.used[name], kValueRule); });
  std::vector<std::string> notices;
  fields.texts("notices", notices, kDetailRule, kMaxNotices);
  finished.notices.assign(notices.begin(), notices.end());
  const Json* const parts = fields.container("notice_parts", Json::value_t::array, 0, kMaxNotices, Need::optional);
  for (std::size_t i = 0; parts && i < parts->size(); ++i) {
    Sentence without_text;
    read_parts(fields, "notice_parts[" + std::to_string(i) + "]", (*parts)[i], i < notices.size() ? finished.notices[i] : without_text);
  }
  fields.texts("offers", finished.offers, kWordRule, kMaxOffers);
}

void read_failed(FieldReader& fields, Event& event) {
  auto& failed = event.what.emplace<Failed>();
  fields.text("reason", failed.reason, kWordRule);
  fields.text("detail", failed.detail.text, kDetailRule, Need::optional);
  if (const Json* const parts = fields.find("detail_parts", Need::optional)) read_parts(fields, "detail_parts", *parts, failed.detail);
}

void read_cancelled(FieldReader& /*fields*/, Event& event) { event.what = Cancelled{}; }

struct EventType {
  std::string_view name;
  /// What a worker alone can say names the worker and the dispatch; the rest the bot may say of a request that it never sent.
  bool is_workers;
  void (*read)(FieldReader& fields, Event& event);
};
constexpr std::array<EventType, 6> kEventTypes{{{Accepted::kType, false, read_accepted},
                                                {Started::kType, true, read_started},
                                                {Progress::kType, true, read_progress},
                                                {Finished::kType, true, read_finished},
                                                {Failed::kType, false, read_failed},
                                                {Cancelled::kType, false, read_cancelled}}};

void read(FieldReader& fields, Event& event) {
  if (!read_envelope(fields, event.id, event.time)) return;
  std::string name;
  fields.text("type", name, kWordRule);
  const auto* const type = std::ranges::find(kEventTypes, name, &EventType::name);
  if (type == kEventTypes.end()) {
    if (!name.empty())
      fields.problem("type", "expected accepted, started, progress, finished, failed or cancelled, found " + excerpt(name));
    return;
  }
  const Need need = type->is_workers ? Need::required : Need::optional;
  fields.text("worker", event.worker, kWorkerRule, need);
  fields.integer("dispatch", event.dispatch, type->is_workers ? 1 : 0, kMaxCount, need);
  type->read(fields, event);
}

void read(FieldReader& fields, Control& control) {
  if (!read_envelope(fields, control.id, control.time)) return;
  std::string type;
  fields.text("type", type, kWordRule, Need::optional);
  if (type == "release") {
    control.type = Control::Type::release;
    fields.integer("dispatch", control.dispatch, 1, kMaxCount);
  } else if (!type.empty() && type != "cancel") {
    fields.problem("type", "expected cancel or release, found " + excerpt(type));
  }
}

void read_original(FieldReader& fields, DeadLetter& dead_letter) {
  if (!fields.find("original_base64", Need::optional)) return fields.text("original", dead_letter.original, {.max_bytes = kMaxOriginal});
  std::string text;
  fields.text("original_base64", text, {.max_bytes = (kMaxOriginal + 2) / 3 * 4});
  auto bytes = from_base64(text);
  if (!bytes) return fields.problem("original_base64", "expected base64 with padding");
  dead_letter.original = std::move(*bytes);
}

void read(FieldReader& fields, DeadLetter& dead_letter) {
  if (!read_envelope(fields, dead_letter.id, dead_letter.time)) return;
  std::uint64_t size = 0;
  fields.text("reason", dead_letter.reason, kWordRule);
  fields.text("detail", dead_letter.detail, kDetailRule, Need::optional);
  fields.text("topic", dead_letter.topic, kTopicRule);
  fields.integer("partition", dead_letter.partition, 0, kMaxCount);
  fields.big_integer("offset", dead_letter.offset, 0);
  fields.big_integer("original_size", size, Need::optional);
  dead_letter.original_size = size;
  read_original(fields, dead_letter);
}

void read(FieldReader& fields, Model& model) {
  if (!read_envelope(fields, model.id, model.time)) return;
  if (!is_model(model.id)) fields.problem("id", std::string("expected ") + kModelRule.form);
  read_named(fields, "title",
             [&](FieldReader& inner, const std::string& name) { inner.text(name.c_str(), model.title[name], kValueRule); });
  read_named(fields, "examples", [&](FieldReader& inner, const std::string& name) {
    inner.texts(name.c_str(), model.examples[name], kValueRule, kMaxEntries);
  });
  fields.texts("languages", model.languages, kNameRule, kMaxEntries);
  fields.text("licence", model.licence, kValueRule, Need::optional);
  fields.texts("sizes", model.sizes, kNameRule, kMaxEntries);
  fields.texts("samplers", model.samplers, kNameRule, kMaxEntries);
  fields.texts("features", model.features, kWordRule, kMaxEntries);
  fields.integer("max_pixels", model.max_pixels, 1, INT32_MAX);
  fields.integer("width", model.width, 1, kMaxPixels);
  fields.integer("height", model.height, 1, kMaxPixels);
  fields.integer("steps", model.steps, 1, kMaxSteps);
  fields.number("guidance", model.guidance, -kMaxGuidance, kMaxGuidance);
  fields.integer("decoder_steps", model.decoder_steps, 1, kMaxSteps);
  fields.number("decoder_guidance", model.decoder_guidance, -kMaxGuidance, kMaxGuidance);
}

template <typename Message>
std::expected<Message, std::string> decode(std::string_view text) try {
  if (text.size() > kMaxMessage) {
    return std::unexpected(std::to_string(text.size()) + " bytes; a message has at most " + std::to_string(kMaxMessage));
  }
  const Json json = parse_json(text, "message", {.depth = 16});
  if (!json.is_object()) return std::unexpected("expected a JSON object, found " + excerpt(json));
  Problems problems;
  FieldReader fields(json, "", problems);
  Message message;
  read(fields, message);
  if (!problems.empty()) return std::unexpected(problems.line());
  return message;
} catch (const Error& error) {
  return std::unexpected(error.what());
}

}  // namespace

std::expected<Request, std::string> decode_request(std::string_view text) { return decode<Request>(text); }
std::expected<Event, std::string> decode_event(std::string_view text) { return decode<Event>(text); }
std::expected<Control, std::string> decode_control(std::string_view text) { return decode<Control>(text); }
std::expected<DeadLetter, std::string> decode_dead_letter(std::string_view text) { return decode<DeadLetter>(text); }
std::expected<Model, std::string> decode_model(std::string_view text) { return decode<Model>(text); }

}  // namespace p2p::messages
