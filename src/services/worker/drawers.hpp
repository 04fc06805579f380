#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "engine/pipelines/text_to_image.hpp"
#include "services/worker/drawer.hpp"

namespace p2p::worker {

struct EngineDrawerConfig {
  std::string model;                 ///< its name
  std::string program;               ///< name and version, for the picture's parameters
  std::optional<int> steps;          ///< where the request names none
  std::optional<int> decoder_steps;  ///< where the request names none
};

/// Draws with the engine.
std::unique_ptr<Drawer> engine_drawer(std::unique_ptr<engine::TextToImage> model, EngineDrawerConfig config);

/// The model `flat`: 64x64 pixels of one colour from the seed, after `time`.
std::unique_ptr<Drawer> flat_drawer(std::chrono::milliseconds time, std::string program);

}  // namespace p2p::worker
