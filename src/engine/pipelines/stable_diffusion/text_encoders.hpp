#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/checkpoint/component.hpp"
#include "engine/checkpoint/weights.hpp"
#include "engine/graph/precision.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/text/textual_inversion.hpp"

namespace p2p::engine::stable_diffusion {

/// The encoded prompts, inputs of a UNet.
struct TextEncoding {
  std::vector<float> embeds;  ///< [batch, tokens, width]; with guidance a batch of 2, the negative prompt first
  std::vector<float> pooled;  ///< [batch, projection_dim]; only with two encoders
  std::size_t batch = 1;
  std::size_t tokens = 0;         ///< of all chunks
  std::vector<Sentence> notices;  ///< about omitted text
  double multiply_adds = 0;       ///< of the encoding
};

/// The text encoders of Stable Diffusion: one, or SDXL's pair, whose states are concatenated. Equal to encode_prompt of diffusers'
/// StableDiffusionPipeline and StableDiffusionXLPipeline for prompts with one chunk and no weights. Safe to use from several threads.
class TextEncoders {
 public:
  struct Source {
    std::filesystem::path tokenizer;  ///< a folder
    Component text_encoder;
  };

  /// Stable Diffusion 1 and 2; prompts may use the words `learned`. Throws ModelError, also for words that were learned for another model.
  static TextEncoders single(const Source& source, Precision precision, int threads, std::span<const TextualInversion> learned = {});
  /// SDXL; `force_zeros_for_empty_prompt` (a key of model_index.json, true in StableDiffusionXLPipeline) encodes an empty negative prompt
  /// as zeros. Throws ModelError.
  static TextEncoders pair(const Source& first, const Source& second, bool force_zeros_for_empty_prompt, Precision precision, int threads,
                           std::span<const TextualInversion> learned = {});
  /// The same encoders with changed weights, `patches` for each (null: none), and with further words; those replace others of the same
  /// name. Throws ModelError for words that were learned for another model.
  TextEncoders changed(const std::vector<std::shared_ptr<const WeightPatches>>& patches, std::span<const TextualInversion> words) const;
  ~TextEncoders();
  TextEncoders(TextEncoders&&) noexcept;
  TextEncoders& operator=(TextEncoders&&) noexcept;

  /// Encodes prompt and negative_prompt, with plain. Prompts of several chunks have more tokens; the shorter of the two is padded
  /// with chunks of the empty prompt. `pooled` belongs to the first chunk.
  TextEncoding encode(const GenerateParams& params, bool guided) const;

  /// Of each encoder.
  std::vector<const Weights*> weights() const;
  /// Of the embeds: hidden_size of all encoders.
  std::size_t width() const;
  /// projection_dim of a pair, else 0.
  std::size_t pooled_width() const;

 private:
  struct Impl;
  explicit TextEncoders(std::unique_ptr<const Impl> impl);

  std::unique_ptr<const Impl> impl_;
};

}  // namespace p2p::engine::stable_diffusion
