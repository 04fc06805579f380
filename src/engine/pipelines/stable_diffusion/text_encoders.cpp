#include "engine/pipelines/stable_diffusion/text_encoders.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <span>

#include "base/error.hpp"
#include "engine/models/clip_text.hpp"
#include "engine/pipelines/generation_context.hpp"
#include "engine/pipelines/stable_diffusion/text_chunks.hpp"
#include "engine/pipelines/stable_diffusion/text_plan.hpp"

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

  /// The states of the chunk without its weights; `skip` is that of ClipText::encode(). Adds to `multiply_adds`.
  ClipText::Encoded encode(const TextChunk& chunk, std::size_t skip, double& multiply_adds) const {
    if (!chunk.empty) return compute(chunk, skip, multiply_adds);
    const std::lock_guard lock(mutex_);
    ClipText::Encoded& empty = empty_[skip];
    if (empty.states.empty()) empty = compute(chunk, skip, multiply_adds);
    return empty;
  }

 private:
  ClipText::Encoded compute(const TextChunk& chunk, std::size_t skip, double& multiply_adds) const {
    multiply_adds += clip_.multiply_adds();
    return clip_.encode(chunk.tokens.ids, unmasked_.empty() ? chunk.tokens.mask : unmasked_, skip);
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
  mutable std::map<std::size_t, ClipText::Encoded> empty_;  // by skip
};

/// The different texts of a schedule, as each encoder's tokenizer splits them.
struct SplitSchedule {
  PromptSchedule schedule;
  std::vector<std::size_t> text_of;            ///< for each of the schedule's texts
  std::vector<std::vector<TextChunks>> texts;  ///< for each text and encoder
  std::size_t chunks = 1;                      ///< of the longest text
};

/// How a text becomes as long as the others: empty chunks up to `own`, its last token up to `parts`, empty chunks up to `all`.
struct Lengths {
  std::size_t own = 1;
  std::size_t parts = 1;
  std::size_t all = 1;
};

/// Encodes each different chunk once.
class ChunkCache {
 public:
  explicit ChunkCache(std::size_t skip) : skip_(skip) {}

  const ClipText::Encoded& get(const Encoder& encoder, const TextChunk& chunk) {
    const auto [found, is_new] = encoded_.try_emplace({&encoder, chunk.tokens.ids});
    if (is_new) found->second = encoder.encode(chunk, skip_, multiply_adds_);
    return found->second;
  }
  double multiply_adds() const { return multiply_adds_; }

 private:
  std::size_t skip_;
  double multiply_adds_ = 0;
  std::map<std::pair<const Encoder*, std::vector<std::int64_t>>, ClipText::Encoded> encoded_;
};

/// Bounds the memory of a request: of SDXL, a chunk has 0.6 MB.
constexpr std::size_t kMaxEncodedChunks = 1024;

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

  SplitSchedule split(PromptSchedule schedule, bool plain, const char* what, std::vector<Sentence>& notices) const {
    SplitSchedule split{.schedule = std::move(schedule), .text_of = {}, .texts = {}};
    std::map<std::string_view, std::size_t> known;
    std::size_t dropped = 0;
    for (const ScheduledText& scheduled : split.schedule.texts) {
      const auto [text, is_new] = known.try_emplace(scheduled.text, known.size());
      split.text_of.push_back(text->second);
      if (!is_new) continue;
      auto& by_encoder = split.texts.emplace_back();
      for (const auto& encoder : encoders) {
        by_encoder.push_back(split_into_chunks(encoder->tokenizer(), scheduled.text, plain));
        split.chunks = std::max(split.chunks, by_encoder.back().chunks.size());
        dropped = std::max(dropped, by_encoder.back().dropped);
      }
    }
    if (dropped > 0) notices.push_back(prompt_cut(what, dropped));
    return split;
  }

  /// Writes a text's part of the batch: chunks [length, width].
  void write(const std::vector<TextChunks>& text, const Lengths& lengths, ChunkCache& cache, std::span<float> embeds,
             std::span<float> pooled) const {
    std::size_t column = 0;
    for (std::size_t e = 0; e < encoders.size(); ++e) {
      const Encoder& encoder = *encoders[e];
      const std::size_t hidden = encoder.config().hidden_size;
      const TextChunk empty = empty_chunk(encoder.tokenizer());
      std::vector<float> states;
      for (std::size_t c = 0; c < lengths.all; ++c) {
        if (c < lengths.own || c >= lengths.parts) {
          const TextChunk& chunk = c < text[e].chunks.size() ? text[e].chunks[c] : empty;
          const ClipText::Encoded& encoded = cache.get(encoder, chunk);
          states = encoded.states;
          apply_weights(states, chunk.weights);
          if (c == 0) std::ranges::copy(encoded.text_embeds, pooled.begin());
        } else {
          const std::vector<float> last(states.end() - static_cast<std::ptrdiff_t>(hidden), states.end());
          for (std::size_t row = 0; row < length(); ++row)
            std::ranges::copy(last, states.begin() + static_cast<std::ptrdiff_t>(row * hidden));
        }
        for (std::size_t row = 0; row < length(); ++row) {
          std::ranges::copy(std::span(states).subspan(row * hidden, hidden),
                            embeds.begin() + static_cast<std::ptrdiff_t>((c * length() + row) * width() + column));
        }
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

TextEncoding TextEncoders::encode(const GenerateParams& params, const TextRequest& request) const {
  TextEncoding encoding;
  TextPlan plan = plan_texts(params, request.steps, encoding.notices);
  encoding.weights = plan.weights;
  const bool zeros = impl_->force_zeros && params.negative_prompt.empty();
  std::vector<SplitSchedule> texts;  // those to encode, in the order of the batch, at its end
  if (request.guided && !zeros) texts.push_back(impl_->split(std::move(plan.negative), params.plain, "negative prompt", encoding.notices));
  const std::size_t negatives = texts.size();
  for (PromptSchedule& part : plan.schedules) texts.push_back(impl_->split(std::move(part), params.plain, "prompt", encoding.notices));
  encoding.batch = plan.schedules.size() + (request.guided ? 1 : 0);
  Lengths lengths;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    lengths.all = std::max(lengths.all, texts[i].chunks);
    if (i >= negatives) lengths.parts = std::max(lengths.parts, texts[i].chunks);
  }
  encoding.tokens = lengths.all * impl_->length();

  std::map<std::vector<std::size_t>, std::size_t> conditions;  // by the text of each part
  for (std::size_t evaluation = 0; evaluation < request.evaluations; ++evaluation) {
    std::vector<std::size_t> chosen;
    for (const SplitSchedule& part : texts) chosen.push_back(part.text_of[part.schedule.at(evaluation)]);
    encoding.at.push_back(conditions.try_emplace(std::move(chosen), conditions.size()).first->second);
  }
  if (conditions.size() * encoding.batch * lengths.all > kMaxEncodedChunks) {
    throw UsageError(sentence("too_many_texts", "the prompt has {0} different texts for the steps, which is too many for its length",
                              conditions.size()));
  }

  ChunkCache cache(static_cast<std::size_t>(params.clip_skip.value_or(0)));
  const std::size_t size = encoding.tokens * width();
  encoding.conditions.resize(conditions.size());
  for (const auto& [chosen, index] : conditions) {
    TextCondition& condition = encoding.conditions[index];
    condition.embeds.resize(encoding.batch * size);
    condition.pooled.resize(encoding.batch * pooled_width());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::size_t place = encoding.batch - texts.size() + i;
      const Lengths own{.own = texts[i].chunks, .parts = i < negatives ? texts[i].chunks : lengths.parts, .all = lengths.all};
      impl_->write(texts[i].texts[chosen[i]], own, cache, std::span(condition.embeds).subspan(place * size, size),
                   std::span(condition.pooled).subspan(place * pooled_width(), pooled_width()));
    }
  }
  encoding.multiply_adds = cache.multiply_adds();
  return encoding;
}

}  // namespace p2p::engine::stable_diffusion
