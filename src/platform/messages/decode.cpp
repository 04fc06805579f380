#include <algorithm>
#include <array>
#include <functional>

#include "platform/messages/base64.hpp"
#include "platform/messages/messages.hpp"
#include "platform/messages/rules.hpp"

namespace p2p::messages {
namespace {

constexpr std::array kEventTypes{EventType::accepted, EventType::started, EventType::progress,
                                 EventType::finished, EventType::failed,  EventType::cancelled};

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
  fields.integer("dispatch", request.dispatch, 1, kMaxCount, Need::optional);
  fields.integer("strikes", request.failed_attempts, 0, kMaxCount, Need::optional);
}

void read_accepted(FieldReader& fields, Event& event) {
  const Json* const json = fields.container("request", Json::value_t::object, 0, kMaxMessage, Need::required);
  if (!json) return;
  FieldReader inner(*json, fields.path_of("request."), fields.problems());
  Request request;
  read(inner, request);
  if (request.id != event.id) inner.problem("id", "is not the event's");
  event.request = std::move(request);
  fields.text("client", event.client, kOwnerRule, Need::optional);
  fields.text("digest", event.digest, kIdRule, Need::optional);
}

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

void read_images(FieldReader& fields, Event& event, Need need) {
  if (const Json* const images = fields.container("images", Json::value_t::array, 1, kMaxImages, need)) {
    for (std::size_t i = 0; i < images->size(); ++i) {
      const std::string name = "images[" + std::to_string(i) + "]";
      if (!(*images)[i].is_object()) {
        fields.problem(name, "expected an object, found " + excerpt((*images)[i]));
        continue;
      }
      event.images.push_back(read_image({(*images)[i], fields.path_of(name) + ".", fields.problems()}));
    }
  }
  read_named(fields, "seconds",
             [&](FieldReader& inner, const std::string& name) { inner.number(name.c_str(), event.seconds[name], 0, kMaxSeconds); });
}

void read_progress(FieldReader& fields, Event& event) {
  fields.text("stage", event.stage, kWordRule);
  if (event.hands_back()) {
    fields.integer("strikes", event.failed_attempts, 0, kMaxCount);
    return read_images(fields, event, Need::optional);
  }
  fields.integer("step", event.step, 0, kMaxCount, Need::optional);
  fields.integer("total", event.total, 0, kMaxCount, Need::optional);
  fields.number("fraction", event.fraction, 0, 1, Need::optional);
}

void read_finished(FieldReader& fields, Event& event) {
  read_images(fields, event, Need::required);
  read_named(fields, "used", [&](FieldReader& inner, const std::string& name) { inner.text(name.c_str(), event.used[name], kValueRule); });
  fields.texts("notices", event.notices, kDetailRule, kMaxNotices);
  fields.texts("offers", event.offers, kWordRule, kMaxOffers);
}

void read(FieldReader& fields, Event& event) {
  if (!read_envelope(fields, event.id, event.time)) return;
  std::string name;
  fields.text("type", name, kWordRule);
  const auto* const type = std::ranges::find(kEventTypes, name, name_of);
  if (type == kEventTypes.end()) {
    if (!name.empty())
      fields.problem("type", "expected accepted, started, progress, finished, failed or cancelled, found " + excerpt(name));
    return;
  }
  event.type = *type;
  // Events of workers name the worker and the dispatch; bot and API may publish the others for requests that were never sent.
  const bool is_workers = event.type == EventType::started || event.type == EventType::progress || event.type == EventType::finished;
  const Need need = is_workers ? Need::required : Need::optional;
  fields.text("worker", event.worker, kWorkerRule, need);
  fields.integer("dispatch", event.dispatch, is_workers ? 1 : 0, kMaxCount, need);
  switch (event.type) {
    case EventType::accepted:
      return read_accepted(fields, event);
    case EventType::started:
      return fields.integer("attempt", event.attempt, 1, kMaxCount);
    case EventType::progress:
      return read_progress(fields, event);
    case EventType::finished:
      return read_finished(fields, event);
    case EventType::failed:
      fields.text("reason", event.reason, kWordRule);
      return fields.text("detail", event.detail, kDetailRule, Need::optional);
    case EventType::cancelled:
      return;
  }
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

}  // namespace p2p::messages
