#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/text/clip_tokenizer.hpp"

namespace p2p::engine::stable_diffusion {

/// As much of a prompt as a text encoder reads at once.
struct TextChunk {
  ClipTokenizer::Tokens tokens;
  std::vector<float> weights;  ///< of each token; none where all are 1
  bool empty = true;           ///< nothing but start, end and padding
};

/// A prompt in chunks, at least one.
struct TextChunks {
  std::vector<TextChunk> chunks;
  std::size_t dropped = 0;  ///< tokens that were left out
};

/// More is left out: a prompt from a user must not cost any number of passes.
inline constexpr std::size_t kMaxTextChunks = 16;

/// The chunk of the empty prompt.
TextChunk empty_chunk(const ClipTokenizer& tokenizer);

/// Splits a prompt as AUTOMATIC1111's web UI does without its "comma padding": each piece of one weight is tokenized by itself, a chunk
/// takes tokens until it is full, BREAK starts the next one. `plain` takes the text literally, as one chunk. Throws what encode() throws.
TextChunks split_into_chunks(const ClipTokenizer& tokenizer, std::string_view prompt, bool plain);

/// Multiplies the `states` [tokens, width] of a chunk by its weights, then all of them by one number so that their mean is as before; not
/// where there is no such number.
void apply_weights(std::span<float> states, std::span<const float> weights);

}  // namespace p2p::engine::stable_diffusion
