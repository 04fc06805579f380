#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/text/clip_tokenizer.hpp"

namespace p2p::engine::stable_diffusion {

/// The part of a prompt that a text encoder reads at once.
struct TextChunk {
  ClipTokenizer::Tokens tokens;
  std::vector<float> weights;  ///< of each token; empty if all are 1
  bool empty = true;           ///< only start, end and padding
};

/// A prompt as at least one chunk.
struct TextChunks {
  std::vector<TextChunk> chunks;
  std::size_t dropped = 0;  ///< omitted tokens
};

/// Longer prompts are cut, to bound the time of a request.
inline constexpr std::size_t kMaxTextChunks = 16;

/// The chunk of the empty prompt.
TextChunk empty_chunk(const ClipTokenizer& tokenizer);

/// Splits a prompt like AUTOMATIC1111's web UI: each piece of equal weight is tokenized separately, chunks are filled one after the other,
/// what follows a comma among the last 20 tokens of a full chunk moves to the next one, learned words are not split unless they are longer
/// than a chunk, and BREAK starts a new chunk. `plain` takes the text literally, as one chunk. Throws like encode().
TextChunks split_into_chunks(const ClipTokenizer& tokenizer, std::string_view prompt, bool plain);

/// Multiplies the `states` [tokens, width] of a chunk by its weights, then scales them so that their mean is as before, if
/// possible.
void apply_weights(std::span<float> states, std::span<const float> weights);

}  // namespace p2p::engine::stable_diffusion
