#include "engine/pipelines/wuerstchen.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <future>

#include "base/error.hpp"
#include "engine/graph/single_entry_cache.hpp"
#include "engine/models/wuerstchen/decoder.hpp"
#include "engine/models/wuerstchen/paella_vq.hpp"
#include "engine/models/wuerstchen/prior.hpp"
#include "engine/pipelines/generation_context.hpp"
#include "engine/pipelines/model_card.hpp"
#include "engine/pipelines/stray_tensors.hpp"
#include "engine/pipelines/strength.hpp"
#include "engine/pipelines/wuerstchen/layout.hpp"
#include "engine/pipelines/wuerstchen/sizes.hpp"
#include "engine/pipelines/wuerstchen/text_stage.hpp"
#include "engine/sampling/ddpm_wuerstchen.hpp"
#include "engine/text/prompt_schedule.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using wuerstchen::Sizes;
using wuerstchen::TextStage;

constexpr float kVqganBlack = 0;  // in the output of the vqgan

// torch.lerp(unconditional, text, guidance) over a batch of [text, unconditional].
std::vector<float> lerp_guidance(std::span<const float> batch, double guidance) {
  const std::size_t n = batch.size() / 2;
  const float weight = static_cast<float>(guidance);
  std::vector<float> result(n);
  for (std::size_t i = 0; i < n; ++i) result[i] = batch[i] - (batch[i] - batch[n + i]) * (1 - weight);
  return result;
}

class Wuerstchen final : public TextToImage {
 public:
  Wuerstchen(const fs::path& folder, Precision precision, int threads)
      : precision_(precision),
        layout_(wuerstchen::layout_of(folder)),
        config_(wuerstchen::PipelineConfig::load(layout_)),
        card_(read_model_card(folder)),
        prior_text_(layout_.prior_tokenizer, layout_.prior_text_encoder, precision, threads),
        decoder_text_(layout_.tokenizer, layout_.text_encoder, precision, threads),
        prior_(std::make_shared<wuerstchen::Prior>(layout_.prior)),
        decoder_(std::make_shared<wuerstchen::Decoder>(layout_.decoder, precision)),
        vqgan_(layout_.vqgan),
        prior_scheduler_(DdpmWuerstchen::load(layout_.prior_scheduler / "scheduler_config.json")),
        decoder_scheduler_(DdpmWuerstchen::load(layout_.scheduler / "scheduler_config.json")),
        prior_runner_(prior_, precision, threads),
        decoder_runner_(decoder_, precision, threads),
        threads_(threads) {
    check_parts_fit();
    const std::array networks{&prior_->weights(), &decoder_->weights(), &vqgan_.weights(), &prior_text_.weights(),
                              &decoder_text_.weights()};
    notice_ = stray_notice(folder, strays_of(networks));
  }

  Precision precision() const override { return precision_; }
  Capabilities capabilities() const override { return {.defaults = with_defaults({}), .samplers = {}, .gives_previews = true}; }

  GenerateResult generate(const GenerateParams& asked, const ProgressFn& progress, std::stop_token stop) const override;

 private:
  class Stages;

  void check_parts_fit() const {
    const auto expect = [](const fs::path& config, const char* key, std::size_t expected, std::size_t found, const char* why) {
      if (expected != found) {
        throw ModelError((config / "config.json").string() + ": " + key + ": expected " + std::to_string(expected) + ", " + why +
                         "; found " + std::to_string(found));
      }
    };
    const auto& decoder = decoder_->config();
    expect(layout_.prior, "c_cond", prior_text_.width(), prior_->config().c_cond, "the text encoder's hidden_size");
    expect(layout_.decoder, "clip_embd", decoder_text_.width(), decoder.clip_embd, "the text encoder's hidden_size");
    expect(layout_.decoder, "effnet_embd", prior_->config().c_in, decoder.effnet_embd, "the prior's c_in");
    expect(layout_.decoder, "c_in", 4, decoder.c_in, "as diffusers' pipeline");
    expect(layout_.vqgan, "latent_channels", decoder.c_in, vqgan_.config().latent_channels, "the decoder's c_in");
  }

  GenerateParams with_defaults(GenerateParams params) const {
    params.width = params.width.value_or(card_.width.value_or(1024));
    params.height = params.height.value_or(card_.height.value_or(1024));
    params.steps = params.steps.value_or(card_.steps.value_or(29));
    params.guidance = params.guidance.value_or(card_.guidance.value_or(4.0));
    params.decoder_steps = params.decoder_steps.value_or(card_.decoder_steps.value_or(12));
    params.decoder_guidance = params.decoder_guidance.value_or(card_.decoder_guidance.value_or(0.0));
    if (*params.steps < 1 || *params.decoder_steps < 1) throw UsageError("steps: expected at least 1");
    take_variations(params);
    return params;
  }

  Precision precision_;
  wuerstchen::Layout layout_;
  wuerstchen::PipelineConfig config_;
  ModelCard card_;
  TextStage prior_text_;
  TextStage decoder_text_;
  std::shared_ptr<wuerstchen::Prior> prior_;
  std::shared_ptr<wuerstchen::Decoder> decoder_;
  mutable wuerstchen::PaellaVq vqgan_;
  DdpmWuerstchen prior_scheduler_;
  DdpmWuerstchen decoder_scheduler_;
  Denoiser prior_runner_;
  Denoiser decoder_runner_;
  int threads_;
  StageWeights stage_weights_{{{Stage::text, 0.01}, {Stage::prior, 0.55}, {Stage::decoder, 0.4}, {Stage::vae, 0.04}}};
  std::optional<Sentence> notice_;                                                ///< about the model, for every result
  SingleEntryCache<std::pair<std::size_t, std::size_t>, Network> vqgan_network_;  ///< by height and width of the latents
};

/// The stages of one generation.
class Wuerstchen::Stages {
 public:
  /// Starts to compile all networks on other threads: OpenVINO uses one thread per network.
  Stages(const Wuerstchen& model, GenerationContext& context, const Sizes& sizes)
      : model_(model), context_(context), params_(context.params()) {
    prior_network_ = std::async(std::launch::async, [this, sizes] { return model_.prior_runner_.compile(prior_shape(sizes)); });
    decoder_network_ = std::async(std::launch::async, [this, sizes] { return model_.decoder_runner_.compile(decoder_shape(sizes)); });
    vqgan_network_ = std::async(std::launch::async, [this, sizes] { return vqgan(sizes); });
  }

  /// Image embeddings [c_in, h, w].
  std::vector<float> prior(const Sizes& sizes, bool equal_steps) {
    context_.report(Stage::text, 0, 1);
    const std::vector<float> text = encode(model_.prior_text_, prior_guided());
    context_.report(Stage::text, 1, 1);
    const LatentShape shape = prior_shape(sizes);
    const Loop loop{.stage = Stage::prior,
                    .network =
                        [&] {
                          // Compiling would slow down the steps, whose threads wait for each other.
                          Denoiser::wait(*decoder_network_.get());
                          vqgan_network_.get()->wait();
                          return prior_network_.get();
                        },
                    .scheduler = model_.prior_scheduler_,
                    .guidance = *params_.guidance,
                    .channels = model_.prior_->config().c_in};
    const std::vector<float> times = equal_steps ? DdpmWuerstchen::times(*params_.steps) : wuerstchen_prior_times();
    const int all = static_cast<int>(times.size()) - 1;
    const int left = params_.variations.empty() ? 0 : steps_left(all, *params_.strength);
    const std::span<const float> last_times = std::span(times).last(static_cast<std::size_t>(left) + 1);
    const int total = all + left * static_cast<int>(params_.variations.size());
    std::vector<float> latents = noise_of(loop, shape);
    int done = denoise(loop, shape, text, times, {}, latents, 0, total);
    for (const std::uint64_t seed : params_.variations) {
      context_.reseed(seed);
      loop.scheduler.add_noise(latents, noise_of(loop, shape), last_times[0]);
      done = denoise(loop, shape, text, last_times, {}, latents, done, total);
    }
    for (float& value : latents) {
      value = value * static_cast<float>(model_.config_.latent_mean) - static_cast<float>(model_.config_.latent_std);
    }
    return latents;
  }

  /// Latents [c_in, h, w] of the picture.
  std::vector<float> decoder(const Sizes& sizes, std::vector<float> embeddings) {
    const bool guided = decoder_guided();
    const std::vector<float> text = encode(model_.decoder_text_, guided);
    const LatentShape shape = decoder_shape(sizes);
    if (guided) embeddings.resize(2 * embeddings.size());  // zeros for the unconditional half
    const auto constants = model_.decoder_->effnet_inputs(embeddings, sizes.prior_height, sizes.prior_width, shape);
    const Loop loop{.stage = Stage::decoder,
                    .network = [&] { return decoder_network_.get(); },
                    .scheduler = model_.decoder_scheduler_,
                    .guidance = *params_.decoder_guidance,
                    .channels = model_.decoder_->config().c_in};
    std::vector<float> latents = noise_of(loop, shape);
    denoise(loop, shape, text, DdpmWuerstchen::times(*params_.decoder_steps), constants, latents, 0, *params_.decoder_steps);
    return latents;
  }

  void vae(const std::vector<float>& latents) {
    context_.vae([&](StageTime& time) { return run_vae(*vqgan_network_.get(), latents, time); }, kVqganBlack);
  }

 private:
  struct Loop {
    Stage stage;
    std::function<std::shared_ptr<const Denoiser::Compiled>()> network;
    const DdpmWuerstchen& scheduler;
    double guidance;
    std::size_t channels;
  };

  bool prior_guided() const { return *params_.guidance > 1; }
  bool decoder_guided() const { return *params_.decoder_guidance > 1; }

  LatentShape prior_shape(const Sizes& sizes) const {
    return {.batch = prior_guided() ? 2 : 1,
            .height = static_cast<std::int64_t>(sizes.prior_height),
            .width = static_cast<std::int64_t>(sizes.prior_width),
            .tokens = model_.prior_text_.tokens()};
  }

  LatentShape decoder_shape(const Sizes& sizes) const {
    return {.batch = decoder_guided() ? 2 : 1,
            .height = static_cast<std::int64_t>(sizes.height),
            .width = static_cast<std::int64_t>(sizes.width),
            .tokens = model_.decoder_text_.tokens()};
  }

  std::shared_ptr<const Network> vqgan(const Sizes& sizes) const {
    return model_.vqgan_network_.get({sizes.height, sizes.width}, [&] {
      return std::make_shared<const Network>(model_.vqgan_.decode_graph(sizes.height, sizes.width), model_.precision_, model_.threads_);
    });
  }

  std::vector<float> noise_of(const Loop& loop, const LatentShape& shape) {
    std::vector<float> noise(loop.channels * static_cast<std::size_t>(shape.height * shape.width));
    context_.rng().randn(noise);
    return noise;
  }

  // Advances `latents` to the last of the times. `done` of the stage's `total` steps precede it; returns the number done after it.
  int denoise(const Loop& loop, const LatentShape& shape, std::span<const float> text, std::span<const float> times,
              const std::map<std::string, std::vector<float>>& constants, std::vector<float>& latents, int done, int total) {
    if (done == 0) context_.report(loop.stage, 0, total);
    const auto start = GenerationContext::Clock::now();
    DenoiseSession session(loop.network(), text, times.first(times.size() - 1), constants);
    context_.time_of(loop.stage).multiply_adds = session.multiply_adds();

    const std::size_t count = latents.size();
    std::vector<float> noise(count);
    std::vector<float> batch(count * static_cast<std::size_t>(shape.batch));
    for (std::size_t i = 0; i + 1 < times.size(); ++i) {
      context_.stop_if_asked();
      const auto step_start = GenerationContext::Clock::now();
      for (std::size_t copy = 0; copy < batch.size(); copy += count)
        std::ranges::copy(latents, batch.begin() + static_cast<std::ptrdiff_t>(copy));
      std::span<const float> prediction = session.predict(batch, i);
      std::vector<float> guided;
      if (shape.batch == 2) prediction = guided = lerp_guidance(prediction, loop.guidance);
      const std::vector<float> before = latents;
      context_.rng().randn(noise);
      loop.scheduler.step(prediction, times[i], times[i + 1], latents, noise);
      const auto preview = [&] { return this->preview(loop.scheduler.predicted_original(prediction, times[i], before)); };
      const bool is_shown = loop.stage == Stage::decoder && i + 2 < times.size();
      context_.finish_step(loop.stage, ++done, total, step_start, latents,
                           is_shown ? std::function<Image()>(preview) : std::function<Image()>());
    }
    context_.time_of(loop.stage).seconds += GenerationContext::since(start);
    return done;
  }

  Image preview(std::span<const float> latents) const {
    StageTime time;  // not counted: the preview is no stage
    return context_.image_of(run_vae(*vqgan_network_.get(), latents, time), kVqganBlack);
  }

  std::vector<float> encode(const TextStage& stage, bool guided) {
    context_.stop_if_asked();
    const auto start = GenerationContext::Clock::now();
    TextStage::Encoded encoded = stage.encode(params_, guided);
    check_finite(encoded.embedding, Stage::text, 0);
    StageTime& time = context_.time_of(Stage::text);
    time.seconds += GenerationContext::since(start);
    time.multiply_adds += encoded.multiply_adds;
    time.step_seconds = {time.seconds};  // both stages' encoders together count as one step
    auto& notices = context_.result().notices;
    for (Sentence& notice : encoded.notices) {
      if (std::ranges::find(notices, notice) == notices.end()) notices.push_back(std::move(notice));
    }
    return std::move(encoded.embedding);
  }

  const Wuerstchen& model_;
  GenerationContext& context_;
  const GenerateParams& params_;
  std::shared_future<std::shared_ptr<const Denoiser::Compiled>> prior_network_;
  std::shared_future<std::shared_ptr<const Denoiser::Compiled>> decoder_network_;
  std::shared_future<std::shared_ptr<const Network>> vqgan_network_;
};

GenerateResult Wuerstchen::generate(const GenerateParams& asked, const ProgressFn& progress, std::stop_token stop) const {
  if (asked.image)
    throw UsageError(sentence("no_image", "Würstchen has no image encoder, so that it cannot begin with a picture; leave --image out"));
  if (asked.upscale)
    throw UsageError(
        sentence("no_upscale", "Würstchen has no image encoder, so that it cannot draw a picture again at --upscale; leave it out"));
  if (asked.strength && asked.variations.empty())
    throw UsageError(sentence("strength_without_variations", "strength: expected variations; Würstchen has no other use for it"));
  // Its own sampler has the name that it gets in a picture's parameters.
  if (asked.sampler && asked.sampler->method != SamplerMethod::ddpm)
    throw UsageError(sentence("own_sampler_only", "Würstchen draws with its own sampler alone; leave --sampler out"));
  if (!asked.loras.empty()) throw UsageError("Würstchen takes no LoRAs; leave " + asked.loras[0].file.string() + " out");
  GenerateResult result;
  result.params = with_defaults(asked);
  result.sampler = "DDPM";
  if (result.params.clip_skip) {
    result.params.clip_skip = {};
    result.notices.push_back(sentence("no_clip_skip", "Würstchen has no clip skip, so that it was left out"));
  }
  if (!asked.plain && (has_prompt_syntax(asked.prompt) || has_prompt_syntax(asked.negative_prompt))) {
    result.notices.push_back(sentence("prompt_literal",
                                      "this model reads prompts literally: (word:1.2), [from:to:when], [a|b], AND, BREAK and "
                                      "<lora:...> are words to it"));
  }
  const wuerstchen::SizeRules rules{
      .config = config_, .multiple = decoder_->config().size_multiple(), .upscale = vqgan_.config().upscale()};
  const Sizes sizes = fit_sizes(rules, result.params, result.notices);
  GenerationContext context(result, stage_weights_.get(), progress, std::move(stop));
  Stages stages(*this, context, sizes);
  const std::vector<float> embeddings = stages.prior(sizes, asked.steps.has_value() || card_.steps.has_value());
  stages.vae(stages.decoder(sizes, embeddings));
  stage_weights_.set(result.stages);
  if (notice_) result.notices.push_back(*notice_);
  return result;
}

}  // namespace

bool is_wuerstchen(const fs::path& folder) {
  return fs::exists(folder / "prior_prior") ||
         (fs::exists(folder / "prior" / "model_index.json") && fs::exists(folder / "decoder" / "model_index.json"));
}

std::unique_ptr<TextToImage> load_wuerstchen(const fs::path& folder, const EngineOptions& options) {
  if (!options.embeddings.empty()) throw UsageError("Würstchen has no learned words; leave --embedding out");
  if (options.safety) throw ModelError(folder.string() + ": Würstchen has no safety checker; leave it off (safety = off)");
  return std::make_unique<Wuerstchen>(folder, *options.precision, options.threads);
}

}  // namespace p2p::engine
