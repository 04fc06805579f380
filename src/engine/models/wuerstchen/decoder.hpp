#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/models/denoiser.hpp"
#include "engine/models/wuerstchen/decoder_config.hpp"
#include "engine/models/wuerstchen/folded_linear.hpp"

namespace p2p::engine::wuerstchen {

/// diffusers' WuerstchenDiffNeXt (modeling_wuerstchen_diffnext.py): stage B, which draws the latents of stage A from the prior's image
/// embeddings and the text. The effnet mappers are folded into the layers after them; see FoldedLinear.
class Decoder final : public DenoiserGraphs {
 public:
  /// Opens `folder` and checks every weight. Folded weights have the type of `precision`. Throws ModelError.
  Decoder(const std::filesystem::path& folder, Precision precision);
  Decoder(const DecoderConfig& config, Weights weights, Precision precision);

  std::optional<Graph> text_graph(const LatentShape& shape) override;
  std::vector<Graph> attention_graphs(const LatentShape& shape) override;
  Graph time_graph(const LatentShape& shape) override;
  Graph step_graph(const LatentShape& shape) override;
  std::vector<float> time_embedding(float time) const override;

  /// Further inputs of the step graph: the image embeddings [batch, effnet_embd, height, width], resized for every level that reads them.
  std::map<std::string, std::vector<float>> effnet_inputs(std::span<const float> embeddings, std::size_t height, std::size_t width,
                                                          const LatentShape& shape) const;

  const DecoderConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  class StepBuilder;

  Graph build_step_graph(const LatentShape& shape);

  DecoderConfig config_;
  Weights weights_;
  std::vector<DecoderBlock> blocks_;
  std::map<std::string, FoldedLinear> folded_;  ///< by the path of the residual block
};

}  // namespace p2p::engine::wuerstchen
