#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/checkpoint/component.hpp"
#include "engine/graph/network.hpp"
#include "engine/models/clip_encoder.hpp"

namespace p2p::engine {

/// transformers' CLIPTextConfig, as far as it affects the network.
struct ClipTextConfig : ClipEncoderConfig {
  std::size_t max_position_embeddings = 0;
  std::size_t vocab_size = 0;
  std::size_t projection_dim = 0;   ///< of text_embeds
  std::int64_t eos_token_id = 0;    ///< position of text_embeds; 2, an old mistake, means the largest id of the prompt
  bool use_attention_mask = false;  ///< Stable Diffusion hides the padding; not a key of transformers

  static ClipTextConfig load(const ConfigReader& reader);
};

/// The outputs that a pipeline uses.
struct ClipTextOutputs {
  bool penultimate = false;  ///< hidden_states[-2], without final_layer_norm, instead of last_hidden_state
  bool text_embeds = false;  ///< the class is CLIPTextModelWithProjection: text_embeds as well
  /// Above 0: hidden_states[-skip], with final_layer_norm unless `penultimate`, instead of either. At most the number of layers.
  std::size_t skip = 0;
};

/// Additional rows of the token embedding for ids from `first_id` on; they override the file's rows.
struct LearnedTokens {
  std::int64_t first_id = 0;
  std::vector<float> values;  ///< [ids, hidden_size]
};

/// Builds the encoder over embedded tokens: inputs `embeddings` [1, length, hidden] and `mask` [1, 1, length, length], outputs
/// `states` [1, length, hidden], which `outputs` selects, and, with text_embeds, `last_hidden_state` of the same shape. Port of
/// transformers' modeling_clip.py, CLIPTextModel.
void build_clip_text(const ClipTextConfig& config, std::size_t length, const Scope& root, ClipTextOutputs outputs = {});

/// CLIP's text encoder. Safe to use from several threads.
class ClipText {
 public:
  struct Encoded {
    std::vector<float> states;       ///< [length, hidden_size]
    std::vector<float> text_embeds;  ///< [projection_dim], empty unless requested
  };

  /// Loads `component` for prompts of `length` tokens. Throws ModelError.
  ClipText(Component component, std::size_t length, Precision precision, int threads, ClipTextOutputs outputs = {},
           LearnedTokens learned = {});

  /// The same encoder with changed weights (`patches` may be null) and other learned rows.
  ClipText(const ClipText& base, std::shared_ptr<const WeightPatches> patches, LearnedTokens learned);

  /// `ids` and `mask` (1 for tokens that are attended to) of `length`. `skip` above 0 replaces that of the outputs; the first call with
  /// another one compiles a network. Throws Error for ids outside the vocabulary, UsageError for a `skip` above the number of layers.
  Encoded encode(std::span<const std::int64_t> ids, std::span<const std::int64_t> mask, std::size_t skip = 0) const;

  const ClipTextConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  /// Of one encode().
  double multiply_adds() const { return network_->multiply_adds(); }

 private:
  void embed(std::int64_t id, std::span<float> row) const;
  void compile();
  const Network& network_for(std::size_t skip) const;
  std::vector<float> project(std::span<const float> state) const;

  ClipTextConfig config_;
  std::size_t length_;
  Precision precision_;
  int threads_;
  ClipTextOutputs outputs_;
  LearnedTokens learned_;
  Weights weights_;
  Weights::Tensor token_embedding_;        ///< [vocab_size, hidden_size]; rows are read on demand
  std::vector<float> position_embedding_;  ///< [length, hidden_size]
  Weights::Tensor text_projection_;        ///< [projection_dim, hidden_size], if text_embeds are requested
  std::unique_ptr<const Network> network_;
  mutable std::mutex mutex_;
  mutable std::map<std::size_t, std::unique_ptr<const Network>> skipping_;  ///< by skip, guarded by mutex_
};

}  // namespace p2p::engine
