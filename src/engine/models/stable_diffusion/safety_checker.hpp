#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/checkpoint/component.hpp"
#include "engine/graph/network.hpp"
#include "engine/models/clip_vision.hpp"

namespace p2p::engine::stable_diffusion {

/// transformers' CLIPConfig, as far as it affects the checker.
struct SafetyCheckerConfig {
  ClipVisionConfig vision;
  std::size_t projection_dim = 0;

  /// Throws ModelError.
  static SafetyCheckerConfig load(const ConfigReader& reader);
};

/// The concepts that a checker detects.
struct SafetyConcepts {
  struct Group {
    std::vector<float> directions;  ///< [count, projection_dim], each of length 1
    std::vector<float> thresholds;  ///< [count]
  };
  Group special_care;
  Group concepts;
};

/// Builds the network, input `pixel_values` [1, 3, image_size, image_size], output `image_embeds` [1, 1, projection_dim], and reads the
/// rest of the checker's tensors.
SafetyConcepts build_safety_checker(const SafetyCheckerConfig& config, const Scope& top);

/// Similarities of a picture to the concepts, minus their thresholds, rounded to three digits. Above 0: detected.
struct SafetyScores {
  std::vector<float> special_care;  ///< any above 0 lowers the thresholds of `concepts` by 0.01
  std::vector<float> concepts;      ///< any above 0 flags the picture

  bool operator==(const SafetyScores&) const = default;
};

/// diffusers' StableDiffusionSafetyChecker. Safe to use from several threads.
class SafetyChecker {
 public:
  /// Throws ModelError.
  SafetyChecker(Component component, Precision precision, int threads);

  const SafetyCheckerConfig& config() const { return config_; }
  /// `pixel_values` is [3, image_size, image_size], normalised. `adjustment` is added to every score: values above 0 flag more pictures,
  /// below 0 fewer.
  SafetyScores check(std::span<const float> pixel_values, double adjustment) const;

 private:
  SafetyCheckerConfig config_;
  Weights weights_;
  Graph graph_;  ///< its weights are streamed: it runs once a picture
  SafetyConcepts concepts_;
  std::unique_ptr<const Network> network_;
};

}  // namespace p2p::engine::stable_diffusion
