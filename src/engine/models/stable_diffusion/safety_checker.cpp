#include "engine/models/stable_diffusion/safety_checker.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/graph/ops.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr std::size_t kSpecialCare = 3;
constexpr std::size_t kConcepts = 17;

// Like torch's normalize().
void normalize(std::span<float> direction) {
  const float length = std::sqrt(std::inner_product(direction.begin(), direction.end(), direction.begin(), 0.0F));
  for (float& value : direction) value /= std::max(length, 1e-12F);
}

// Rounds like numpy's float32.
float rounded(float score) { return std::nearbyint(score * 1000) / 1000; }

// In transformers vision_config_dict, which published files have, replaces vision_config including its defaults.
ConfigReader vision_reader(const ConfigReader& reader) {
  for (const char* key : {"vision_config_dict", "vision_config"}) {
    const auto found = reader.json().find(key);
    if (found == reader.json().end() || found->is_null()) continue;
    if (!found->is_object()) reader.fail(key, "expected an object, found " + excerpt(*found));
    return {reader.file(), *found};
  }
  return {reader.file(), Json::object()};
}

// Published files, from transformers before 5, have the parts of the vision model one level deeper.
Scope vision_root(const Scope& top) {
  const Scope root = top / "vision_model";
  const Scope old = root / "vision_model";
  return old.has("pre_layrnorm.weight") ? old : root;
}

SafetyConcepts::Group load_group(const Scope& top, const std::string& name, const Shape& shape) {
  SafetyConcepts::Group group{.directions = to_floats(top.tensor(name, shape).view),
                              .thresholds = to_floats(top.tensor(name + "_weights", {shape[0]}).view)};
  for (std::size_t i = 0; i < shape[0]; ++i) normalize(std::span(group.directions).subspan(i * shape[1], shape[1]));
  return group;
}

std::vector<float> cosines(const SafetyConcepts::Group& group, std::span<const float> direction) {
  std::vector<float> result;
  for (auto row = group.directions.begin(); row != group.directions.end(); row += static_cast<std::ptrdiff_t>(direction.size())) {
    result.push_back(std::inner_product(direction.begin(), direction.end(), row, 0.0F));
  }
  return result;
}

}  // namespace

SafetyCheckerConfig SafetyCheckerConfig::load(const ConfigReader& reader) {
  for (const std::string& name : reader.texts("architectures", std::vector<std::string>())) {
    if (name != "StableDiffusionSafetyChecker" && name != "SafetyChecker") {
      reader.fail("architectures", "expected StableDiffusionSafetyChecker, found \"" + name + "\"");
    }
  }
  return {.vision = ClipVisionConfig::load(vision_reader(reader)), .projection_dim = reader.size("projection_dim", 1, 16384, 512)};
}

SafetyConcepts build_safety_checker(const SafetyCheckerConfig& config, const Scope& top) {
  const Value pooled = build_clip_vision(config.vision, vision_root(top));
  const ops::Features projection{.in = config.vision.hidden_size, .out = config.projection_dim, .bias = false};
  top.graph().output("image_embeds", ops::linear(pooled, top / "visual_projection", projection));
  return {.special_care = load_group(top, "special_care_embeds", {kSpecialCare, config.projection_dim}),
          .concepts = load_group(top, "concept_embeds", {kConcepts, config.projection_dim})};
}

SafetyChecker::SafetyChecker(Component component, Precision precision, int threads)
    : config_(SafetyCheckerConfig::load(component.config)),
      weights_(std::move(component.weights)),
      graph_("safety checker", Graph::WeightUse::streamed) {
  const Scope top(weights_, graph_);
  concepts_ = build_safety_checker(config_, top);
  weights_.ignore((vision_root(top) / "embeddings" / "position_ids").path());
  for (const char* text : {"text_model.", "text_projection.", "logit_scale"}) weights_.ignore(text);  // the rest of a whole CLIP
  weights_.finish();
  network_ = std::make_unique<const Network>(graph_, precision, threads);
}

SafetyScores SafetyChecker::check(std::span<const float> pixel_values, double adjustment) const {
  Network::Run run(*network_);
  run.stream_weights_of(graph_);
  run.set("pixel_values", pixel_values);
  run.execute();
  const auto embeds = run.output("image_embeds");
  std::vector<float> direction(embeds.begin(), embeds.end());
  normalize(direction);
  auto added = static_cast<float>(adjustment);
  const auto& [special_care, concepts] = concepts_;
  SafetyScores scores{.special_care = cosines(special_care, direction), .concepts = cosines(concepts, direction)};
  for (std::size_t i = 0; i < kSpecialCare; ++i) {
    float& score = scores.special_care[i];
    score = rounded(score - special_care.thresholds[i] + added);
    if (score > 0) added = static_cast<float>(adjustment + 0.01);
  }
  for (std::size_t i = 0; i < kConcepts; ++i) scores.concepts[i] = rounded(scores.concepts[i] - concepts.thresholds[i] + added);
  return scores;
}

}  // namespace p2p::engine::stable_diffusion
