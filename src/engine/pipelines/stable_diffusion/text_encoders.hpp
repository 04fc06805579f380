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

/// Encoded texts, inputs of a UNet: with guidance the negative prompt first, then the parts of the prompt.
struct TextCondition {
  std::vector<float> embeds;  ///< [batch, tokens, width]
  std::vector<float> pooled;  ///< [batch, projection_dim]; only with two encoders
};

/// The encoded prompts.
struct TextEncoding {
  std::vector<TextCondition> conditions;  ///< different ones, at least one
  std::vector<std::size_t> at;            ///< the condition of each evaluation of a loop
  std::vector<double> weights;            ///< of the parts of the prompt that AND joins: factors of the guidance
  std::size_t batch = 1;
  std::size_t tokens = 0;         ///< of all chunks
  std::vector<Sentence> notices;  ///< about omitted text, and syntax that is read as words
  double multiply_adds = 0;       ///< of the encoding
};

/// What texts are needed.
struct TextRequest {
  bool guided = false;          ///< encode the negative prompt as well
  int steps = 1;                ///< of the schedule of the prompts
  std::size_t evaluations = 1;  ///< of the longest loop
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

  /// Encodes prompt and negative_prompt, with plain and clip_skip, each different text once. Prompts of several chunks have more tokens;
  /// the shorter one is padded with chunks of the empty prompt (as with AUTOMATIC1111's pad_cond_uncond), shorter parts of the prompt with
  /// their last token. `pooled` belongs to the first chunk. Throws UsageError for too many texts, or a clip_skip out of range.
  TextEncoding encode(const GenerateParams& params, const TextRequest& request) const;

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
