#include <algorithm>
#include <tuple>

#include "platform/messages/base64.hpp"
#include "platform/messages/messages.hpp"
#include "platform/messages/rules.hpp"

namespace p2p::messages {
namespace {

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json envelope(const std::string& id, Time time) { return {{"schema_version", kSchemaVersion}, {"id", id}, {"time", to_text(time)}}; }

/// A text for people, cut at a character boundary to the limit of decode. Invalid UTF-8 becomes U+FFFD, which is longer.
std::string free_text(const std::string& text, std::size_t max_bytes) {
  auto valid = Json::parse(dump(text)).get<std::string>();
  std::erase(valid, '\0');
  if (valid.size() <= max_bytes) return valid;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(valid[end]) & 0xC0u) == 0x80u) --end;
  return valid.substr(0, end);
}

Json parts_of(const Sentence& sentence) {
  Json json = Json::object();
  if (!sentence.code.empty()) json["code"] = sentence.code;
  for (const std::string& value : sentence.values) json["values"].push_back(free_text(value, kMaxValue));
  return json;
}

template <typename T>
void put(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

Json to_json(const Request& request) {
  Json json = envelope(request.id, request.time);
  json.update({{"model", request.model},
               {"prompt", request.prompt},
               {"seed", request.seed},
               {"dispatch", request.dispatch},
               {"strikes", request.failed_attempts}});
  if (request.count > 1) json["count"] = request.count;
  if (request.picture > 0) json["picture"] = request.picture;
  if (!request.negative_prompt.empty()) json["negative_prompt"] = request.negative_prompt;
  put(json, "width", request.width);
  put(json, "height", request.height);
  put(json, "steps", request.steps);
  put(json, "guidance", request.guidance);
  put(json, "decoder_steps", request.decoder_steps);
  put(json, "decoder_guidance", request.decoder_guidance);
  if (!request.variations.empty()) json["variations"] = request.variations;
  put(json, "upscale", request.upscale);
  put(json, "clip_skip", request.clip_skip);
  if (!request.sampler.empty()) json["sampler"] = request.sampler;
  put(json, "strength", request.strength);
  if (!request.image_key.empty()) json["image_key"] = request.image_key;
  if (request.output_format != output_format::kPng) {
    json["output_format"] = request.output_format;
    json["output_compression"] = request.output_compression;
  }
  return json;
}

void put_images(Json& json, const std::vector<StoredImage>& images, const std::map<std::string, double>& seconds) {
  json["images"] = Json::array();
  for (const StoredImage& image : images) {
    json["images"].push_back(
        {{"key", image.key}, {"width", image.width}, {"height", image.height}, {"seed", image.seed}, {"bytes", image.bytes}});
  }
  if (!seconds.empty()) json["seconds"] = seconds;
}

void put(Json& json, const Accepted& accepted) {
  json["request"] = to_json(accepted.request);
  if (!accepted.client.empty()) json["client"] = accepted.client;
  if (!accepted.digest.empty()) json["digest"] = accepted.digest;
}

void put(Json& json, const Started& started) { json["attempt"] = started.attempt; }

void put(Json& json, const Progress& progress) {
  json.update({{"stage", progress.stage}, {"step", progress.step}, {"total", progress.total}, {"fraction", progress.fraction}});
  if (!progress.preview.empty()) json["preview"] = progress.preview;
}

void put(Json& json, const HandedBack& back) {
  json.update({{"stage", kHandedBack}, {"strikes", back.failed_attempts}});
  if (!back.images.empty()) put_images(json, back.images, back.seconds);
}

void put(Json& json, const Finished& finished) {
  put_images(json, finished.images, finished.seconds);
  if (!finished.used.empty()) json["used"] = finished.used;
  const bool has_codes = std::ranges::any_of(finished.notices, [](const Sentence& notice) { return !notice.code.empty(); });
  for (std::size_t i = 0; i < std::min(finished.notices.size(), kMaxNotices); ++i) {
    json["notices"].push_back(free_text(finished.notices[i].text, kMaxDetail));
    if (has_codes) json["notice_parts"].push_back(parts_of(finished.notices[i]));
  }
  if (!finished.offers.empty()) json["offers"] = finished.offers;
}

void put(Json& json, const Failed& failed) {
  json["reason"] = failed.reason;
  if (!failed.detail.text.empty()) json["detail"] = free_text(failed.detail.text, kMaxDetail);
  if (!failed.detail.code.empty()) json["detail_parts"] = parts_of(failed.detail);
}

void put(Json& /*json*/, const Cancelled& /*cancelled*/) {}

Json to_json(const Event& event) {
  Json json = envelope(event.id, event.time);
  json["type"] = type_of(event);
  if (!event.worker.empty()) json["worker"] = event.worker;
  if (event.dispatch > 0) json["dispatch"] = event.dispatch;
  std::visit([&](const auto& what) { put(json, what); }, event.what);
  return json;
}

/// Whether JSON can represent the bytes as text.
bool is_text(std::string_view bytes) {
  if (bytes.find('\0') != std::string_view::npos) return false;
  try {
    std::ignore = Json(bytes).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

/// The bytes as text if they are UTF-8 without zero bytes, otherwise as base64.
void put_original(Json& json, std::string_view bytes) {
  if (is_text(bytes)) {
    json["original"] = bytes;
  } else {
    json["original_base64"] = to_base64(bytes);
  }
}

}  // namespace

std::string_view type_of(const Event& event) {
  return std::visit([](const auto& what) { return std::remove_cvref_t<decltype(what)>::kType; }, event.what);
}

std::string encode(const Request& request) { return dump(to_json(request)); }

std::string encode(const Event& event) { return dump(to_json(event)); }

std::string encode(const Control& control) {
  Json json = envelope(control.id, control.time);
  json["type"] = control.type == Control::Type::cancel ? "cancel" : "release";
  if (control.type == Control::Type::release) json["dispatch"] = control.dispatch;
  return dump(json);
}

std::string encode(const Model& model) {
  Json json = envelope(model.id, model.time);
  const auto put_all = [&](const char* key, const auto& values) {
    if (!values.empty()) json[key] = values;
  };
  put_all("title", model.title);
  put_all("examples", model.examples);
  put_all("languages", model.languages);
  put_all("licence", model.licence);
  put_all("sizes", model.sizes);
  put_all("samplers", model.samplers);
  put_all("features", model.features);
  put(json, "max_pixels", model.max_pixels);
  put(json, "width", model.width);
  put(json, "height", model.height);
  put(json, "steps", model.steps);
  put(json, "guidance", model.guidance);
  put(json, "decoder_steps", model.decoder_steps);
  put(json, "decoder_guidance", model.decoder_guidance);
  return dump(json);
}

std::string encode(const DeadLetter& dead_letter) {
  Json json = envelope(dead_letter.id, dead_letter.time);
  json.update(
      {{"reason", dead_letter.reason}, {"topic", dead_letter.topic}, {"partition", dead_letter.partition}, {"offset", dead_letter.offset}});
  if (!dead_letter.detail.empty()) json["detail"] = free_text(dead_letter.detail, kMaxDetail);
  put_original(json, std::string_view(dead_letter.original).substr(0, kMaxOriginal));
  const std::size_t size = dead_letter.original.size() > kMaxOriginal ? dead_letter.original.size() : dead_letter.original_size;
  if (size > 0) json["original_size"] = size;
  return dump(json);
}

}  // namespace p2p::messages
