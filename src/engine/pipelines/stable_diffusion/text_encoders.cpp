#include "engine/pipelines/stable_diffusion/text_encoders.hpp"

#include <algorithm>
#include <mutex>
#include <span>

#include "base/error.hpp"
#include "engine/models/clip_text.hpp"
#include "engine/pipelines/generation_context.hpp"
#include "engine/pipelines/stable_diffusion/text_chunks.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

/// The index of an encoder, and the number of the model's encoders.
struct Place {
  std::size_t index = 0;
  std::size_t count = 1;
};

const TextualInversion::Vectors& vectors_of(const TextualInversion& inversion, Place place) {
  if (inversion.encoders.size() == place.count) return inversion.encoders[place.index];
  throw ModelError(inversion.file.string() + ": expected " +
                   (place.count == 1 ? "one tensor, as the model has one text encoder, found clip_l and clip_g"
                                     : "clip_l and clip_g, as the model has two text encoders, found one tensor"));
}

std::vector<ClipTokenizer::Word> words_of(std::span<const TextualInversion> learned, Place place) {
  std::vector<ClipTokenizer::Word> words;
  for (const TextualInversion& inversion : learned) words.push_back({inversion.token, vectors_of(inversion, place).count});
  return words;
}

/// The ids of learned words are the last of a tokenizer.
LearnedTokens rows_of(std::span<const TextualInversion> learned, Place place, const ClipTokenizer& tokenizer) {
  LearnedTokens rows{.first_id = static_cast<std::int64_t>(tokenizer.vocabulary_size()), .values = {}};
  for (const TextualInversion& inversion : learned) {
    const auto& vectors = vectors_of(inversion, place);
    rows.first_id -= static_cast<std::int64_t>(vectors.count);
    rows.values.insert(rows.values.end(), vectors.values.begin(), vectors.values.end());
  }
  return rows;
}

/// A tokenizer and its encoder. The empty chunk, the most common negative prompt, is encoded once.
class Encoder {
 public:
  Encoder(const TextEncoders::Source& source, ClipTextOutputs outputs, Precision precision, int threads,
          std::span<const TextualInversion> learned, Place place)
      : folder_(source.tokenizer),
        place_(place),
        tokenizer_(std::make_shared<const ClipTokenizer>(folder_, words_of(learned, place))),
        clip_(source.text_encoder, tokenizer_->length(), precision, threads, outputs, rows_of(learned, place, *tokenizer_)) {
    check_widths(learned);
    // Only diffusers' Stable Diffusion pipeline, which uses the last state, reads this key.
    if (!clip_.config().use_attention_mask || outputs.penultimate) unmasked_.assign(tokenizer_->length(), 1);
  }
  Encoder(const Encoder& base, std::shared_ptr<const WeightPatches> patches, std::span<const TextualInversion> learned)
      : folder_(base.folder_),
        place_(base.place_),
        tokenizer_(std::make_shared<const ClipTokenizer>(folder_, words_of(learned, place_))),
        clip_(base.clip_, std::move(patches), rows_of(learned, place_, *tokenizer_)),
        unmasked_(base.unmasked_) {
    check_widths(learned);
  }

  const ClipTokenizer& tokenizer() const { return *tokenizer_; }
  const ClipTextConfig& config() const { return clip_.config(); }
  const Weights& weights() const { return clip_.weights(); }

  /// The weighted states of the chunk; adds to `multiply_adds`.
  ClipText::Encoded encode(const TextChunk& chunk, double& multiply_adds) const {
    if (chunk.empty) {
      const std::lock_guard lock(mutex_);
      if (empty_.states.empty()) empty_ = compute(chunk, multiply_adds);
      return empty_;
    }
    ClipText::Encoded encoded = compute(chunk, multiply_adds);
    apply_weights(encoded.states, chunk.weights);
    return encoded;
  }

 private:
  ClipText::Encoded compute(const TextChunk& chunk, double& multiply_adds) const {
    multiply_adds += clip_.multiply_adds();
    return clip_.encode(chunk.tokens.ids, unmasked_.empty() ? chunk.tokens.mask : unmasked_);
  }

  void check_widths(std::span<const TextualInversion> learned) const {
    for (const TextualInversion& inversion : learned) {
      const std::size_t width = vectors_of(inversion, place_).width;
      if (width != config().hidden_size) {
        throw ModelError(inversion.file.string() + ": expected vectors of " + std::to_string(config().hidden_size) +
                         " values, hidden_size of the text encoder, found " + std::to_string(width));
      }
    }
  }

  std::filesystem::path folder_;  ///< of the tokenizer
  Place place_;
  std::shared_ptr<const ClipTokenizer> tokenizer_;
  ClipText clip_;
  std::vector<std::int64_t> unmasked_;  // empty where padding is hidden
  mutable std::mutex mutex_;
  mutable ClipText::Encoded empty_;
};

}  // namespace

struct TextEncoders::Impl {
  std::vector<std::shared_ptr<const Encoder>> encoders;
  std::vector<TextualInversion> learned;
  bool force_zeros = false;

  std::size_t width() const {
    std::size_t width = 0;
    for (const auto& encoder : encoders) width += encoder->config().hidden_size;
    return width;
  }
  std::size_t pooled_width() const { return encoders.size() > 1 ? encoders.back()->config().projection_dim : 0; }
  std::size_t length() const { return encoders.front()->tokenizer().length(); }

  /// One prompt as each encoder's tokenizer splits it.
  std::vector<TextChunks> split(const std::string& prompt, bool plain, const char* what, std::vector<Sentence>& notices) const {
    std::vector<TextChunks> all;
    std::size_t dropped = 0;
    for (const auto& encoder : encoders) {
      all.push_back(split_into_chunks(encoder->tokenizer(), prompt, plain));
      dropped = std::max(dropped, all.back().dropped);
    }
    if (dropped > 0) notices.push_back(prompt_cut(what, dropped));
    return all;
  }

  /// Writes a prompt's part of the batch: `count` chunks [length, width].
  void encode(std::vector<TextChunks> split, std::size_t count, std::span<float> embeds, std::span<float> pooled, double& work) const {
    std::size_t column = 0;
    for (std::size_t e = 0; e < encoders.size(); ++e) {
      const Encoder& encoder = *encoders[e];
      split[e].chunks.resize(count, empty_chunk(encoder.tokenizer()));
      const std::size_t hidden = encoder.config().hidden_size;
      for (std::size_t c = 0; c < count; ++c) {
        const ClipText::Encoded encoded = encoder.encode(split[e].chunks[c], work);
        for (std::size_t row = 0; row < length(); ++row) {
          std::ranges::copy(std::span(encoded.states).subspan(row * hidden, hidden),
                            embeds.begin() + static_cast<std::ptrdiff_t>((c * length() + row) * width() + column));
        }
        if (c == 0) std::ranges::copy(encoded.text_embeds, pooled.begin());
      }
      column += hidden;
    }
  }
};

TextEncoders TextEncoders::single(const Source& source, Precision precision, int threads, std::span<const TextualInversion> learned) {
  auto impl = std::make_unique<Impl>();
  impl->learned.assign(learned.begin(), learned.end());
  impl->encoders.push_back(std::make_shared<const Encoder>(source, ClipTextOutputs{}, precision, threads, learned, Place{}));
  return TextEncoders(std::move(impl));
}

TextEncoders TextEncoders::pair(const Source& first, const Source& second, bool force_zeros_for_empty_prompt, Precision precision,
                                int threads, std::span<const TextualInversion> learned) {
  auto impl = std::make_unique<Impl>();
  impl->learned.assign(learned.begin(), learned.end());
  impl->encoders.push_back(
      std::make_shared<const Encoder>(first, ClipTextOutputs{.penultimate = true}, precision, threads, learned, Place{0, 2}));
  impl->encoders.push_back(std::make_shared<const Encoder>(second, ClipTextOutputs{.penultimate = true, .text_embeds = true}, precision,
                                                           threads, learned, Place{1, 2}));
  impl->force_zeros = force_zeros_for_empty_prompt;
  const std::size_t expected = impl->length();
  const std::size_t found = impl->encoders.back()->tokenizer().length();
  if (found != expected) {
    throw ModelError((second.tokenizer / "tokenizer_config.json").string() + ": model_max_length: expected " + std::to_string(expected) +
                     " as in " + first.tokenizer.string() + ", found " + std::to_string(found));
  }
  return TextEncoders(std::move(impl));
}

TextEncoders TextEncoders::changed(const std::vector<std::shared_ptr<const WeightPatches>>& patches,
                                   std::span<const TextualInversion> words) const {
  auto impl = std::make_unique<Impl>(*impl_);
  for (const TextualInversion& word : words) {
    std::erase_if(impl->learned, [&](const TextualInversion& other) { return other.token == word.token; });
    impl->learned.push_back(word);
  }
  for (std::size_t i = 0; i < patches.size(); ++i) {
    if (patches[i] || !words.empty())
      impl->encoders.at(i) = std::make_shared<const Encoder>(*impl_->encoders.at(i), patches[i], impl->learned);
  }
  return TextEncoders(std::move(impl));
}

TextEncoders::TextEncoders(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
TextEncoders::~TextEncoders() = default;
TextEncoders::TextEncoders(TextEncoders&&) noexcept = default;
TextEncoders& TextEncoders::operator=(TextEncoders&&) noexcept = default;

std::vector<const Weights*> TextEncoders::weights() const {
  std::vector<const Weights*> weights;
  for (const auto& encoder : impl_->encoders) weights.push_back(&encoder->weights());
  return weights;
}

std::size_t TextEncoders::width() const { return impl_->width(); }
std::size_t TextEncoders::pooled_width() const { return impl_->pooled_width(); }

TextEncoding TextEncoders::encode(const GenerateParams& params, bool guided) const {
  TextEncoding encoding{.batch = guided ? 2U : 1U};
  const bool zeros = impl_->force_zeros && params.negative_prompt.empty();
  std::vector<std::vector<TextChunks>> prompts;  // those to encode, in the order of the batch, at its end
  if (guided && !zeros) prompts.push_back(impl_->split(params.negative_prompt, params.plain, "negative prompt", encoding.notices));
  prompts.push_back(impl_->split(params.prompt, params.plain, "prompt", encoding.notices));

  std::size_t chunks = 1;
  for (const auto& prompt : prompts) {
    for (const TextChunks& split : prompt) chunks = std::max(chunks, split.chunks.size());
  }
  encoding.tokens = chunks * impl_->length();
  const std::size_t size = encoding.tokens * width();
  encoding.embeds.resize(encoding.batch * size);
  encoding.pooled.resize(encoding.batch * pooled_width());
  std::size_t at = encoding.batch - prompts.size();
  for (auto& prompt : prompts) {
    impl_->encode(std::move(prompt), chunks, std::span(encoding.embeds).subspan(at * size, size),
                  std::span(encoding.pooled).subspan(at * pooled_width(), pooled_width()), encoding.multiply_adds);
    ++at;
  }
  return encoding;
}

}  // namespace p2p::engine::stable_diffusion
