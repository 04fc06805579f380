#include "services/api/generations_body.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

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
constexpr int kMostClipSkip = 24;

constexpr std::array<std::string_view, 26> kFields{"prompt",
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
                                                   "sampler",
                                                   "clip_skip",
                                                   "strength",
                                                   "variation",
                                                   "upscale",
                                                   "loras",
                                                   "quality",
                                                   "style",
                                                   "user",
                                                   "moderation",
                                                   "stream",
                                                   "background",
                                                   "output_format",
                                                   "output_compression",
                                                   "partial_images"};

/// Names that other programs use for our fields.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kForeign{{{"num_inference_steps", "steps"},
                                                                                 {"guidance_scale", "guidance"},
                                                                                 {"cfg_scale", "guidance"},
                                                                                 {"rng_seed", "seed"},
                                                                                 {"num_images", "n"}}};
constexpr double kMostUpscale = 4;
constexpr std::size_t kMostVariations = 4;
constexpr std::size_t kMostLoras = 8;
constexpr double kMostLoraWeight = 100;

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
bool is_lora(std::string_view text) { return text.find_first_of(":<>/\\") == std::string_view::npos; }
bool is_opaque(std::string_view text) { return text == "auto" || text == "opaque"; }

constexpr TextRule kPrompt{.max_bytes = messages::kMaxPrompt, .min_bytes = 1};
constexpr TextRule kSize{32, 1, is_size, "WIDTHxHEIGHT of at most 1536x1536 pixels, such as 512x512, or auto"};
constexpr TextRule kFormat{32, 1, is_format, "url or b64_json"};
constexpr TextRule kLora{64, 1, is_lora, "the name of a LoRA"};
constexpr TextRule kBackground{32, 1, is_opaque, "auto or opaque: pictures are not transparent"};

void read_size(FieldReader& fields, messages::Request& request) {
  std::string text = "auto";
  fields.text("size", text, kSize, Need::optional);
  if (const auto size = parse_size(text)) {
    request.width = size->width;
    request.height = size->height;
  }
}

void read_output(FieldReader& fields, messages::Request& request) {
  fields.text("output_format", request.output_format, messages::kOutputFormatRule, Need::optional);
  fields.integer("output_compression", request.output_compression, 0, messages::kMaxCompression, Need::optional);
  if (request.output_format == messages::output_format::kPng && request.output_compression < messages::kMaxCompression)
    fields.problem("output_compression", "expected 100 for png, which is lossless; lower values need the output_format jpeg or webp");
}

/// Renames fields of other programs, drops those that are null, and reports the unknown ones.
void sort_out(Json& json, const BodyRules& rules, messages::Problems& problems, std::vector<Sentence>& notices) {
  std::erase_if(json.get_ref<Json::object_t&>(), [](const auto& field) { return field.second.is_null(); });
  for (const auto& [foreign, own] : kForeign) {
    const auto found = json.find(foreign);
    if (found == json.end()) continue;
    Json value = std::move(*found);
    json.erase(found);
    if (json.contains(own)) {
      problems.add(std::string(foreign) + ": means the same as " + std::string(own) + ", which is there too; send one of them");
    } else {
      json[std::string(own)] = std::move(value);
    }
  }
  for (const auto& [key, value] : json.items()) {
    if (std::ranges::find(kFields, key) != kFields.end()) continue;
    if (rules.strict) {
      problems.add(excerpt(key) + ": unknown field");
    } else if (notices.size() < messages::kMaxNotices) {
      notices.push_back(sentence("field_unknown", "the field {0} is unknown and was ignored", excerpt(key)));
    }
  }
}

void read_model(FieldReader& fields, Json& json, const BodyRules& rules, std::string& model) {
  model = rules.model;
  const auto named = json.find("model");
  if (named != json.end() && named->is_string()) {
    if (const auto alias = rules.aliases.find(named->get<std::string>()); alias != rules.aliases.end()) *named = alias->second;
  }
  fields.text("model", model, messages::kModelRule, Need::optional);
}

/// Absent, or -1 as other programs write it: a random seed.
void read_seed(FieldReader& fields, const Json& json, std::uint64_t& seed) {
  seed = random_bits() >> 32u;
  if (json.value("seed", Json()) != -1) fields.big_integer("seed", seed, Need::optional);
}

/// A seed or a list of them.
void read_variation(FieldReader& fields, Json& json, messages::Request& request) {
  const auto given = json.find("variation");
  if (given == json.end()) return;
  if (given->is_number()) *given = Json::array({*given});
  fields.big_integers("variation", request.variations, kMostVariations);
}

/// [{"name": "sketch", "weight": 0.8}]: becomes the prompt's <lora:sketch:0.8>, so that the operator's folder decides what there is.
void read_loras(FieldReader& fields, messages::Problems& problems, messages::Request& request) {
  const Json* const loras = fields.container("loras", Json::value_t::array, 0, kMostLoras, Need::optional);
  for (std::size_t i = 0; loras && i < loras->size(); ++i) {
    const std::string name = "loras[" + std::to_string(i) + "]";
    if (!(*loras)[i].is_object()) {
      fields.problem(name, "expected an object such as {\"name\": \"sketch\", \"weight\": 0.8}");
      continue;
    }
    FieldReader lora((*loras)[i], name + ".", problems);
    std::string file;
    double weight = 1;
    lora.text("name", file, kLora);
    lora.number("weight", weight, -kMostLoraWeight, kMostLoraWeight, Need::optional);
    request.prompt += " <lora:" + file + ":" + Json(weight).dump() + ">";
  }
  if (request.prompt.size() > messages::kMaxPrompt) fields.problem("prompt", "is too long with the loras");
}

}  // namespace

Json parse_body(std::string_view body, std::size_t values) {
  Json json;
  try {
    json = parse_json(body, "the body", {.depth = 8, .values = values});
  } catch (const Error& error) {
    throw ApiError(400, "invalid_json", error.what());
  }
  if (!json.is_object()) throw ApiError(400, "invalid_json", "the body is not a JSON object");
  return json;
}

GenerationsBody read_generations_body(std::string_view body, const BodyRules& rules) { return read_generations(parse_body(body), rules); }

GenerationsBody read_generations(Json json, const BodyRules& rules, Need prompt) {
  messages::Problems problems;
  GenerationsBody result;
  sort_out(json, rules, problems, result.notices);
  FieldReader fields(json, "", problems);
  messages::Request& request = result.request;
  fields.text("prompt", request.prompt, prompt == Need::required ? kPrompt : messages::kPromptRule, prompt);
  read_model(fields, json, rules, request.model);
  fields.integer("n", request.count, 1, kMostPictures, Need::optional);
  read_size(fields, request);
  std::string format;
  fields.text("response_format", format, kFormat, Need::optional);
  read_seed(fields, json, request.seed);
  fields.text("negative_prompt", request.negative_prompt, messages::kPromptRule, Need::optional);
  fields.integer("steps", request.steps, 1, kMostSteps);
  fields.number("guidance", request.guidance, 0, kMostGuidance);
  fields.integer("decoder_steps", request.decoder_steps, 1, kMostSteps);
  fields.number("decoder_guidance", request.decoder_guidance, 0, kMostGuidance);
  fields.integer("clip_skip", request.clip_skip, 1, kMostClipSkip);
  fields.text("sampler", request.sampler, messages::kNameRule, Need::optional);
  fields.number("strength", request.strength, 0, 1);
  read_variation(fields, json, request);
  fields.number("upscale", request.upscale, 1, kMostUpscale);
  read_loras(fields, problems, request);
  read_output(fields, request);
  std::string only;
  fields.text("background", only, kBackground, Need::optional);
  if (json.value("stream", Json(false)) != false)
    problems.add("stream: pictures are not streamed; GET /v1/requests/ID/events reports progress");
  if (!problems.empty()) throw ApiError(400, "invalid_value", problems.line());
  result.format = format_from(format);
  return result;
}

std::map<std::string, std::string> parse_aliases(const std::string& list) {
  std::map<std::string, std::string> aliases;
  std::istringstream in(list);
  for (std::string each; std::getline(in, each, ',');) {
    std::erase(each, ' ');
    const std::size_t equals = each.find('=');
    const std::string model = equals == std::string::npos ? "" : each.substr(equals + 1);
    if (equals == 0 || !messages::is_model(model))
      throw UsageError("P2P_MODEL_ALIASES takes NAME=MODEL, comma-separated, such as dall-e-3=emoji; it has '" + each + "'");
    aliases[each.substr(0, equals)] = model;
  }
  return aliases;
}

}  // namespace p2p::api
