#include "engine/pipelines/golden_cases.hpp"

namespace p2p::engine::golden {

GenerateParams params_of(const Json& row) {
  GenerateParams params;
  params.prompt = row.at("prompt");
  params.negative_prompt = row.value("negative", "");
  params.seed = row.at("seed");
  params.width = row.at("width");
  params.height = row.at("height");
  if (!row.at("steps").is_null()) params.steps = row.at("steps");
  params.guidance = row.at("guidance");
  if (row.contains("decoder_steps")) params.decoder_steps = row.at("decoder_steps");
  if (row.contains("decoder_guidance")) params.decoder_guidance = row.at("decoder_guidance");
  if (const Json sampler = row.value("sampler", Json()); !sampler.is_null()) params.sampler = sampler_named(sampler.get<std::string>());
  return params;
}

}  // namespace p2p::engine::golden
