#pragma once

#include <filesystem>

#include "engine/models/denoiser.hpp"

namespace p2p::engine::wuerstchen {

/// diffusers' WuerstchenPrior: stage C, which draws a small map of image embeddings from the text.
struct PriorConfig {
  std::size_t c_in = 16;
  std::size_t c = 1280;
  std::size_t c_cond = 1024;
  std::size_t c_r = 64;
  std::size_t depth = 16;
  std::size_t nhead = 16;

  static PriorConfig load(const std::filesystem::path& config_file);
};

/// Port of modeling_wuerstchen_prior.py.
class Prior final : public DenoiserGraphs {
 public:
  /// Opens `folder` and checks every weight. Throws ModelError.
  explicit Prior(const std::filesystem::path& folder);
  Prior(const PriorConfig& config, Weights weights);

  std::optional<Graph> text_graph(const LatentShape& shape) override;
  std::vector<Graph> attention_graphs(const LatentShape& shape) override;
  Graph time_graph(const LatentShape& shape) override;
  Graph step_graph(const LatentShape& shape) override;
  std::vector<float> time_embedding(float time) const override;

  const PriorConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  PriorConfig config_;
  Weights weights_;
};

}  // namespace p2p::engine::wuerstchen
