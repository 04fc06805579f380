#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "engine/pipelines/model_card.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "services/worker/image_generator.hpp"

namespace p2p::worker {

struct EngineGeneratorConfig {
  std::string model;                    ///< its name
  std::string program;                  ///< name and version, for the parameters stored in pictures
  std::optional<int> steps;             ///< default for requests
  std::optional<int> decoder_steps;     ///< default for requests
  engine::ModelCard card = {};          ///< requests are drawn at the nearest of its sizes; larger ones than max_pixels are refused
  std::int64_t max_pixels = INT64_MAX;  ///< the operator's limit besides the card's
  bool previews = true;                 ///< whether it gives those of the model
};

/// A generator that uses the engine.
std::unique_ptr<ImageGenerator> engine_generator(std::unique_ptr<engine::TextToImage> model, EngineGeneratorConfig config);

/// The test model `flat`: 64x64 pixels of one colour derived from the seed, after `time`. Previews look the same.
std::unique_ptr<ImageGenerator> flat_generator(std::chrono::milliseconds time, std::string program, bool previews = true);

}  // namespace p2p::worker
