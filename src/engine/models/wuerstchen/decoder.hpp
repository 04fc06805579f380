#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/models/denoiser.hpp"

namespace p2p::engine::wuerstchen {

/// diffusers' WuerstchenDiffNeXt: stage B, which draws the latents of stage A from the prior's image embeddings and the text.
struct DecoderConfig {
  std::size_t c_in = 4;
  std::size_t c_out = 4;
  std::size_t c_r = 64;
  std::size_t patch_size = 2;
  std::size_t c_cond = 1024;
  std::vector<std::size_t> c_hidden{320, 640, 1280, 1280};
  std::vector<long long> nhead{-1, 10, 20, 20};
  std::vector<std::size_t> blocks{4, 4, 14, 4};
  std::vector<std::string> level_config{"CT", "CTA", "CTA", "CTA"};
  std::vector<bool> inject_effnet{false, true, true, true};
  std::size_t effnet_embd = 16;
  std::size_t clip_embd = 1024;
  std::size_t kernel_size = 3;

  static DecoderConfig load(const std::filesystem::path& config_file);
  std::size_t levels() const { return c_hidden.size(); }
  /// Latents' sides must be multiples of this, or the skips would not fit.
  std::size_t size_multiple() const { return patch_size << (levels() - 1); }
};

/// Port of modeling_wuerstchen_diffnext.py, but for one thing: the image embeddings reach `channelwise[0]` of a block through two linear
/// maps, effnet_mappers and that layer's own columns. Their product, with as many columns as the embeddings have channels, takes the place
/// of both: what the reference computes at every step in a fifth of its multiply-adds becomes free.
class Decoder final : public DenoiserGraphs {
 public:
  /// Opens `folder` and checks every weight. `precision` is what folded weights are kept in. Throws ModelError.
  Decoder(const std::filesystem::path& folder, Precision precision);
  Decoder(const DecoderConfig& config, Weights weights, Precision precision);

  std::optional<Graph> text_graph(const LatentShape& shape) override;
  std::vector<Graph> attention_graphs(const LatentShape& shape) override;
  Graph time_graph(const LatentShape& shape) override;
  Graph step_graph(const LatentShape& shape) override;
  std::vector<float> time_embedding(float time) const override;

  /// The step graph's further inputs: the image embeddings [batch, effnet_embd, height, width] resized to every level that they enter.
  std::map<std::string, std::vector<float>> effnet_inputs(std::span<const float> embeddings, std::size_t height, std::size_t width,
                                                          const LatentShape& shape) const;

  const DecoderConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  struct Block;
  class StepBuilder;
  /// A linear layer with the effnet mapper folded in: weight [out, in + effnet_embd], bias [out].
  struct Folded {
    Weights::Tensor weight;
    std::vector<float> bias;
  };

  std::vector<Block> blocks() const;
  Folded fold(const Scope& linear, const Scope& mapper, std::size_t in, std::size_t out);

  DecoderConfig config_;
  Weights weights_;
  Precision precision_;
  std::map<std::string, Folded> folded_;
  bool checked_ = false;
};

}  // namespace p2p::engine::wuerstchen
