#pragma once

#include <filesystem>

#include "engine/models/stable_diffusion/safety_checker.hpp"
#include "engine/pipelines/stable_diffusion/clip_image_processor.hpp"
#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine::stable_diffusion {

/// A model's own safety checker, at work on pictures that are drawn. Safe to use from several threads.
class Safety {
 public:
  /// Loads safety_checker/ and feature_extractor/ of the folder `model`; `adjustment` is EngineOptions::safety. Throws ModelError.
  Safety(const std::filesystem::path& model, double adjustment, Precision precision, int threads);

  /// Looks at the result's picture and writes the verdict; a picture that is flagged is made black, as diffusers does, with a notice.
  void judge(GenerateResult& result) const;

 private:
  ClipImageProcessor processor_;
  SafetyChecker checker_;
  double adjustment_;
};

}  // namespace p2p::engine::stable_diffusion
