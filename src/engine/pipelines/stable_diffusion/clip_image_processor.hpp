#pragma once

#include <array>
#include <vector>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/image/image.hpp"

namespace p2p::engine::stable_diffusion {

/// transformers' CLIPImageProcessor: resizes like Pillow, crops the centre and normalises.
class ClipImageProcessor {
 public:
  /// `reader` reads a preprocessor_config.json. Throws ModelError.
  explicit ClipImageProcessor(const ConfigReader& reader);

  /// Width and height of the output of process() in pixels.
  std::size_t crop_size() const { return static_cast<std::size_t>(crop_size_); }
  /// pixel_values [3, crop_size, crop_size], normalised.
  std::vector<float> process(const Image& image) const;

 private:
  int shortest_edge_;
  int crop_size_;
  double rescale_factor_;
  std::array<float, 3> mean_;
  std::array<float, 3> std_;
};

}  // namespace p2p::engine::stable_diffusion
