#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/graph/network.hpp"

namespace p2p::engine {

/// transformers' CLIPTextConfig, as far as it shapes the network.
struct ClipTextConfig {
  std::size_t hidden_size = 0;
  std::size_t intermediate_size = 0;
  std::size_t num_hidden_layers = 0;
  std::size_t num_attention_heads = 0;
  std::size_t max_position_embeddings = 0;
  std::size_t vocab_size = 0;
  float layer_norm_eps = 0;
  bool quick_gelu = false;

  static ClipTextConfig load(const std::filesystem::path& config_file);
};

/// Builds the encoder over embedded tokens: inputs `embeddings` [1, length, hidden] and `mask` [1, 1, length, length], output
/// `last_hidden_state` [1, length, hidden]. Port of transformers' modeling_clip.py, CLIPTextModel.
void build_clip_text(const ClipTextConfig& config, std::size_t length, const Scope& root);

/// CLIP's text encoder. Safe to use from several threads.
class ClipText {
 public:
  /// Loads `folder` (config.json and weights) for prompts of `length` tokens. Throws ModelError.
  ClipText(const std::filesystem::path& folder, std::size_t length, Precision precision, int threads);

  /// `ids` and `mask` (1 for tokens that are attended to) of `length`; returns last_hidden_state [length, hidden_size].
  /// Throws Error for ids outside the vocabulary.
  std::vector<float> encode(std::span<const std::int64_t> ids, std::span<const std::int64_t> mask) const;

  const ClipTextConfig& config() const { return config_; }
  /// Of one encode().
  double multiply_adds() const { return network_->multiply_adds(); }

 private:
  ClipTextConfig config_;
  std::size_t length_;
  Weights weights_;
  Weights::Tensor token_embedding_;        ///< [vocab_size, hidden_size]; rows are read as they are needed
  std::vector<float> position_embedding_;  ///< [length, hidden_size]
  std::unique_ptr<const Network> network_;
};

}  // namespace p2p::engine
