#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "platform/messages/field_reader.hpp"
#include "platform/messages/messages.hpp"
#include "services/api/input_picture.hpp"
#include "services/api/openai.hpp"

namespace p2p::api {

/// How bodies are read.
struct BodyRules {
  std::string model;                           ///< for bodies without one
  std::map<std::string, std::string> aliases;  ///< other names of models
  bool strict = false;                         ///< whether unknown fields are refused; otherwise a notice names them
};

/// The body of a call that draws.
struct GenerationsBody {
  messages::Request request;  ///< without id and time
  Format format = Format::url;
  std::vector<Sentence> notices;
  InputPicture picture;  ///< to begin with; empty: none
  std::string digest;    ///< what repeats of the call have in common; empty: the bytes of the body
};

/// The body of POST /v1/images/generations. Throws ApiError that names all problems. Fields of OpenAI without meaning here (quality, style,
/// user, moderation, ...) are ignored; docs/openapi.yaml describes our own. Names of other programs are accepted: num_inference_steps,
/// guidance_scale, cfg_scale, rng_seed.
GenerationsBody read_generations_body(std::string_view body, const BodyRules& rules);
/// The same for a body that was parsed, whose `null` fields count as missing. `prompt`: whether there must be one.
GenerationsBody read_generations(Json json, const BodyRules& rules, messages::Need prompt = messages::Need::required);

/// Parses a body that must be a JSON object. Throws ApiError.
Json parse_body(std::string_view body, std::size_t values = 1'000);

/// "dall-e-3=emoji,gpt-image-1=emoji" as BodyRules::aliases. Throws UsageError.
std::map<std::string, std::string> parse_aliases(const std::string& list);

}  // namespace p2p::api
