#include "engine/pipelines/golden_cases.hpp"

namespace p2p::engine::golden {

GenerateParams params_of(const Json& row) {
  GenerateParams params;
  params.prompt = row.at("prompt");
  params.negative_prompt = row.value("negative", "");
  params.seed = row.at("seed");
  if (!row.at("width").is_null()) params.width = row.at("width");
  if (!row.at("height").is_null()) params.height = row.at("height");
  if (!row.at("steps").is_null()) params.steps = row.at("steps");
  params.guidance = row.at("guidance");
  if (row.contains("decoder_steps")) params.decoder_steps = row.at("decoder_steps");
  if (row.contains("decoder_guidance")) params.decoder_guidance = row.at("decoder_guidance");
  if (const Json sampler = row.value("sampler", Json()); !sampler.is_null()) params.sampler = sampler_named(sampler.get<std::string>());
  if (const Json strength = row.value("strength", Json()); !strength.is_null()) params.strength = strength;
  if (row.contains("variation")) params.variations = row.at("variation").get<std::vector<std::uint64_t>>();
  if (const Json upscale = row.value("upscale", Json()); !upscale.is_null()) params.upscale = upscale;
  if (const Json skip = row.value("clip_skip", Json()); !skip.is_null()) params.clip_skip = skip;
  return params;
}

}  // namespace p2p::engine::golden
