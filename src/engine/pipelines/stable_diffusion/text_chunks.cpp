#include "engine/pipelines/stable_diffusion/text_chunks.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "engine/text/prompt_weights.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr std::size_t kCommaBacktrack = 20;  // AUTOMATIC1111's default

TextChunk make_chunk(const ClipTokenizer& tokenizer, std::span<const std::int64_t> ids, std::span<const float> weights) {
  TextChunk chunk{.tokens = tokenizer.chunk(ids), .weights = {}, .empty = ids.empty()};
  if (std::ranges::any_of(weights, [](float weight) { return weight != 1; })) {
    chunk.weights.assign(tokenizer.length(), 1);
    std::ranges::copy(weights, chunk.weights.begin() + static_cast<std::ptrdiff_t>(chunk.tokens.first));
  }
  return chunk;
}

/// Fills chunks one after the other.
class ChunkFiller {
 public:
  ChunkFiller(const ClipTokenizer& tokenizer, TextChunks& split) : tokenizer_(&tokenizer), split_(&split), room_(tokenizer.length() - 2) {
    const auto comma = tokenizer.encode(",");
    const ClipTokenizer::Tokens none = tokenizer.chunk({});
    const bool unknown = comma == std::vector{none.ids.at(none.first)};  // the end stands for unknown words, too
    if (comma.size() == 1 && !unknown) comma_ = comma[0];
  }

  void add(const WeightedText& piece) {
    const std::vector<std::int64_t> ids = tokenizer_->encode(piece.text);
    for (std::size_t at = 0; at < ids.size();) {
      if (ids[at] == comma_)
        last_comma_ = ids_.size();
      else if (ids_.size() == room_ && last_comma_ && ids_.size() - *last_comma_ <= kCommaBacktrack)
        end_behind_comma();
      if (ids_.size() == room_) end();
      const std::size_t word = std::min(tokenizer_->ids_of_word(ids[at]), ids.size() - at);
      if (word <= room_ && ids_.size() + word > room_) end();
      for (std::size_t i = 0; i < word; ++i) {
        if (ids_.size() == room_) end();
        ids_.push_back(ids[at + i]);
        weights_.push_back(static_cast<float>(piece.weight));
      }
      at += word;
    }
  }

  bool empty() const { return ids_.empty(); }

  void end() {
    if (split_->chunks.size() < kMaxTextChunks)
      split_->chunks.push_back(make_chunk(*tokenizer_, ids_, weights_));
    else
      split_->dropped += ids_.size();
    ids_.clear();
    weights_.clear();
    last_comma_.reset();
  }

 private:
  void end_behind_comma() {
    const auto begin = static_cast<std::ptrdiff_t>(*last_comma_ + 1);
    const std::vector<std::int64_t> moved_ids(ids_.begin() + begin, ids_.end());
    const std::vector<float> moved_weights(weights_.begin() + begin, weights_.end());
    ids_.resize(*last_comma_ + 1);
    weights_.resize(ids_.size());
    end();
    ids_ = moved_ids;
    weights_ = moved_weights;
  }

  const ClipTokenizer* tokenizer_;
  TextChunks* split_;
  std::size_t room_;
  std::int64_t comma_ = -1;
  std::vector<std::int64_t> ids_;
  std::vector<float> weights_;
  std::optional<std::size_t> last_comma_;
};

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
  const auto sections = parse_prompt_weights(prompt);
  ChunkFiller filler(tokenizer, split);
  for (const PromptSection& pieces : sections) {
    for (const WeightedText& piece : pieces) filler.add(piece);
    // A BREAK ends even an empty chunk; the end of the prompt does not.
    if (&pieces != &sections.back() || !filler.empty() || split.chunks.empty()) filler.end();
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
