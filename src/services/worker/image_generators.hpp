#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "engine/pipelines/model_card.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "services/worker/image_generator.hpp"

namespace p2p::worker {

struct EngineGeneratorConfig {
  std::string model;                                ///< its name
  std::string program;                              ///< name and version, for the picture's parameters
  std::optional<int> steps;                         ///< where the request names none
  std::optional<int> decoder_steps;                 ///< where the request names none
  std::vector<engine::ModelCard::Size> sizes = {};  ///< what is asked for gets the nearest of these; empty: any size is drawn
  std::int64_t max_pixels = INT64_MAX;              ///< larger pictures are refused
};

/// Draws with the engine.
std::unique_ptr<ImageGenerator> engine_generator(std::unique_ptr<engine::TextToImage> model, EngineGeneratorConfig config);

/// The model `flat`: 64x64 pixels of one colour from the seed, after `time`.
std::unique_ptr<ImageGenerator> flat_generator(std::chrono::milliseconds time, std::string program);

}  // namespace p2p::worker
