#include "engine/pipelines/stable_diffusion/text_chunks.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/text/prompt_weights.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

/// Tokens of one section with their weights.
struct Section {
  std::vector<std::int64_t> ids;
  std::vector<float> weights;
};

TextChunk make_chunk(const ClipTokenizer& tokenizer, std::span<const std::int64_t> ids, std::span<const float> weights) {
  TextChunk chunk{.tokens = tokenizer.chunk(ids), .weights = {}, .empty = ids.empty()};
  if (std::ranges::any_of(weights, [](float weight) { return weight != 1; })) {
    chunk.weights.assign(tokenizer.length(), 1);
    std::ranges::copy(weights, chunk.weights.begin() + static_cast<std::ptrdiff_t>(chunk.tokens.first));
  }
  return chunk;
}

// In double, because the mean is small compared to the values.
double mean(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

TextChunk empty_chunk(const ClipTokenizer& tokenizer) { return make_chunk(tokenizer, {}, {}); }

TextChunks split_into_chunks(const ClipTokenizer& tokenizer, std::string_view prompt, bool plain) {
  TextChunks split;
  if (plain) {
    auto tokens = tokenizer(prompt);
    split.dropped = tokens.dropped;
    split.chunks.push_back({.tokens = std::move(tokens), .weights = {}, .empty = prompt.empty()});
    return split;
  }
  const std::size_t room = tokenizer.length() - 2;
  const auto sections = parse_prompt_weights(prompt);
  for (const PromptSection& pieces : sections) {
    Section section;
    for (const WeightedText& piece : pieces) {
      const auto ids = tokenizer.encode(piece.text);
      section.ids.insert(section.ids.end(), ids.begin(), ids.end());
      section.weights.resize(section.ids.size(), static_cast<float>(piece.weight));
    }
    // A BREAK ends even an empty chunk; the end of the prompt does not.
    if (section.ids.empty() && &pieces == &sections.back() && !split.chunks.empty()) break;
    std::size_t done = 0;
    do {
      const std::size_t size = std::min(room, section.ids.size() - done);
      if (split.chunks.size() < kMaxTextChunks) {
        split.chunks.push_back(
            make_chunk(tokenizer, std::span(section.ids).subspan(done, size), std::span(section.weights).subspan(done, size)));
      } else {
        split.dropped += size;
      }
      done += size;
    } while (done < section.ids.size());
  }
  return split;
}

void apply_weights(std::span<float> states, std::span<const float> weights) {
  if (weights.empty()) return;
  const double before = mean(states);
  const std::size_t width = states.size() / weights.size();
  for (std::size_t i = 0; i < states.size(); ++i) states[i] *= weights[i / width];
  const double ratio = before / mean(states);
  if (!std::isfinite(ratio) || ratio == 0) return;
  for (float& value : states) value *= static_cast<float>(ratio);
}

}  // namespace p2p::engine::stable_diffusion
