#include "services/api/picture_form.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "platform/blob/signature.hpp"
#include "platform/http/multipart.hpp"

namespace p2p::api {
namespace {

using messages::Need;

/// Fields that are numbers; forms have only texts.
constexpr std::array<std::string_view, 16> kNumbers{
    "n",         "seed",      "steps",      "guidance",          "decoder_steps",       "decoder_guidance",
    "strength",  "clip_skip", "upscale",    "variation",         "num_inference_steps", "guidance_scale",
    "cfg_scale", "rng_seed",  "num_images", "output_compression"};

/// The number that the whole text is, or else the text, which is then refused as no number.
Json number_or_text(std::string_view text) {
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  double number = 0;
  if (const auto [stop, problem] = std::from_chars(text.data(), end, whole); stop == end && problem == std::errc()) return whole;
  const bool may_be = !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;  // not "nan"
  if (const auto [stop, problem] = std::from_chars(text.data(), end, number); may_be && stop == end && problem == std::errc())
    return number;
  return text;
}

Json value_of(const http::FormPart& part) {
  if (part.content.size() > messages::kMaxPrompt)
    throw ApiError(400, "invalid_value",
                   excerpt(part.name) + ": has " + std::to_string(part.content.size()) + " bytes; no field has more than " +
                       std::to_string(messages::kMaxPrompt));
  if (std::ranges::find(kNumbers, part.name) != kNumbers.end()) return number_or_text(part.content);
  if (part.name == "stream") return part.content == "false" ? Json(false) : Json(part.content);
  Json text(part.content);
  try {
    text.dump();
  } catch (const Json::type_error&) {
    throw ApiError(400, "invalid_value", excerpt(part.name) + ": is not UTF-8");
  }
  return text;
}

/// Equal for forms that differ in their boundary only, which clients choose again when they repeat a call.
std::string form_digest(const std::vector<http::FormPart>& parts) {
  std::string digests;
  for (const http::FormPart& part : parts) {
    for (const std::string_view text : {std::string_view(part.name), part.content}) digests += blob::hmac("prompt2pic form", text);
  }
  return blob::to_hex(blob::hmac("prompt2pic form", digests));
}

GenerationsBody read_form(std::string_view content_type, std::string_view body, const BodyRules& rules, Need prompt) try {
  Json json = Json::object();
  InputPicture picture;
  const auto parts = http::parse_form(content_type, body);
  for (const http::FormPart& part : parts) {
    if (part.name == "mask")
      throw ApiError(400, "unsupported_mask", "mask: is not supported; send the picture without one, all of it is redrawn by `strength`");
    if (part.name == "image" || part.name == "image[]") {
      if (!picture.empty()) throw ApiError(400, "invalid_image", "image: expected one picture, found more");
      picture = read_picture(part.content);
    } else if (!json.emplace(part.name, value_of(part)).second) {
      throw ApiError(400, "invalid_value", excerpt(part.name) + ": is there twice");
    }
  }
  if (picture.empty()) throw ApiError(400, "invalid_image", "image: is missing; send a PNG, JPEG or WebP as the form's field image");
  GenerationsBody result = read_generations(std::move(json), rules, prompt);
  result.picture = picture;
  result.digest = form_digest(parts);
  return result;
} catch (const http::FormError& error) {
  throw ApiError(400, "invalid_form", error.what());
}

}  // namespace

GenerationsBody read_edit(std::string_view content_type, std::string_view body, const BodyRules& rules) {
  return read_form(content_type, body, rules, Need::required);
}

GenerationsBody read_variation_form(std::string_view content_type, std::string_view body, const BodyRules& rules) {
  constexpr double kStrength = 0.6;  // more would leave little of the picture, as no prompt describes it
  GenerationsBody result = read_form(content_type, body, rules, Need::optional);
  if (!result.request.strength) result.request.strength = kStrength;
  return result;
}

}  // namespace p2p::api
