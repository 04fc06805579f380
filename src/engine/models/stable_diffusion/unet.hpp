#pragma once

#include "engine/checkpoint/component.hpp"
#include "engine/models/denoiser.hpp"
#include "engine/models/stable_diffusion/blocks.hpp"
#include "engine/models/stable_diffusion/unet_config.hpp"

namespace p2p::engine::stable_diffusion {

/// Port of unet_2d_condition.py. In addition to the inputs of DenoiserGraphs, the time graph has `condition` [1, time_cond_proj_dim]
/// if the config has it (see guidance_scale_embedding()), and `added` [batch, projection_class_embeddings_input_dim] if it has that
/// (see added_condition()). Latents may have any height and width.
class Unet final : public DenoiserGraphs {
 public:
  /// Checks every weight. Throws ModelError.
  explicit Unet(Component component);
  Unet(UnetConfig config, Weights weights);
  /// The same network with changed weights.
  Unet(const Unet& base, std::shared_ptr<const WeightPatches> patches);
  ~Unet() override;

  std::optional<Graph> text_graph(const LatentShape& /*shape*/) override { return {}; }
  std::vector<Graph> attention_graphs(const LatentShape& shape) override;
  Graph time_graph(const LatentShape& shape) override;
  Graph step_graph(const LatentShape& shape) override;
  std::vector<float> time_embedding(float time) const override;

  /// A row of `added`: the pooled text, then the embedding of each of SDXL's time ids. Throws ModelError if the widths do not match.
  std::vector<float> added_condition(std::span<const float> pooled_text, std::span<const float> time_ids) const;

  const UnetConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  struct Block;
  class BlockList;
  class StepBuilder;

  Transformer transformer(const Block& block, const LatentShape& shape) const;

  UnetConfig config_;
  std::vector<Block> blocks_;
  Weights weights_;
};

}  // namespace p2p::engine::stable_diffusion
