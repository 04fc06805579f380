#pragma once

#include <filesystem>

#include "engine/models/stable_diffusion/safety_checker.hpp"
#include "engine/pipelines/stable_diffusion/clip_image_processor.hpp"
#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine::stable_diffusion {

/// Applies a model's safety checker to drawn pictures. Safe to use from several threads.
class Safety {
 public:
  /// Loads safety_checker/ and feature_extractor/ of the folder `model`; `adjustment` is EngineOptions::safety. Throws ModelError.
  Safety(const std::filesystem::path& model, double adjustment, Precision precision, int threads);

  /// Checks the picture and stores the verdict in the result. Makes a flagged picture black, as diffusers does, and adds a notice.
  void judge(GenerateResult& result) const;

 private:
  ClipImageProcessor processor_;
  SafetyChecker checker_;
  double adjustment_;
};

}  // namespace p2p::engine::stable_diffusion
