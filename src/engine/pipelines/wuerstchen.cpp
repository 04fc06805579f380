#include "engine/pipelines/wuerstchen.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>

#include "base/error.hpp"
#include "engine/models/wuerstchen/decoder.hpp"
#include "engine/models/wuerstchen/paella_vq.hpp"
#include "engine/models/wuerstchen/prior.hpp"
#include "engine/pipelines/model_card.hpp"
#include "engine/pipelines/wuerstchen/layout.hpp"
#include "engine/pipelines/wuerstchen/sizes.hpp"
#include "engine/pipelines/wuerstchen/text_stage.hpp"
#include "engine/sampling/ddpm_wuerstchen.hpp"
#include "engine/sampling/torch_rng.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using wuerstchen::Denoiser;
using wuerstchen::Geometry;
using wuerstchen::Sizes;
using wuerstchen::TextStage;
using Clock = std::chrono::steady_clock;

void check_finite(std::span<const float> values, Stage stage, int step) {
  if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return;
  throw Error(std::string(name_of(stage)) + (step > 0 ? ": step " + std::to_string(step) : "") +
              ": the result is not finite (NaN or infinity); the weights may be damaged, or need --precision f32");
}

// torch.lerp(unconditional, text, guidance) over a batch of [text, unconditional].
std::vector<float> guide(std::span<const float> batch, double guidance) {
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
        threads_(threads),
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
        decoder_runner_(decoder_, precision, threads) {
    check_parts_fit();
  }

  Precision precision() const override { return precision_; }

  GenerateResult generate(const GenerateParams& asked, const ProgressFn& progress, std::stop_token stop) const override;

 private:
  class Drawing;

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
    return params;
  }

  std::shared_ptr<const Network> vqgan(std::size_t height, std::size_t width) const {
    const std::lock_guard lock(vqgan_mutex_);
    if (!vqgan_network_ || vqgan_size_ != std::pair(height, width)) {
      vqgan_network_ = nullptr;
      vqgan_network_ = std::make_shared<const Network>(vqgan_.decode_graph(height, width), precision_, threads_);
      vqgan_size_ = {height, width};
    }
    return vqgan_network_;
  }

  Precision precision_;
  int threads_;
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
  mutable std::mutex vqgan_mutex_;
  mutable std::pair<std::size_t, std::size_t> vqgan_size_;
  mutable std::shared_ptr<const Network> vqgan_network_;
};

/// The state of one call of generate().
class Wuerstchen::Drawing {
 public:
  Drawing(const Wuerstchen& model, GenerateResult& result, const ProgressFn& progress, std::stop_token stop)
      : model_(model), result_(result), params_(result.params), progress_(progress), stop_(std::move(stop)), rng_(params_.seed) {
    for (const Stage stage : {Stage::text, Stage::prior, Stage::decoder, Stage::vae})
      result_.stages.push_back({.stage = stage, .step_seconds = {}});
  }

  /// Image embeddings [c_in, h, w].
  std::vector<float> prior(const Sizes& sizes, bool equal_steps) {
    const bool guided = *params_.guidance > 1;
    report(Stage::text, 0, 1);
    const std::vector<float> text = encode(model_.prior_text_, guided);
    report(Stage::text, 1, 1);
    const Geometry geometry{.batch = guided ? 2 : 1,
                            .height = static_cast<std::int64_t>(sizes.prior_height),
                            .width = static_cast<std::int64_t>(sizes.prior_width),
                            .tokens = model_.prior_text_.tokens()};
    const auto times = equal_steps ? DdpmWuerstchen::times(*params_.steps) : wuerstchen_prior_times();
    std::vector<float> latents = denoise({.stage = Stage::prior,
                                          .runner = model_.prior_runner_,
                                          .scheduler = model_.prior_scheduler_,
                                          .guidance = *params_.guidance,
                                          .channels = model_.prior_->config().c_in},
                                         geometry, text, times, {});
    for (float& value : latents) {
      value = value * static_cast<float>(model_.config_.latent_mean) - static_cast<float>(model_.config_.latent_std);
    }
    return latents;
  }

  /// Latents [c_in, h, w] of the picture.
  std::vector<float> decoder(const Sizes& sizes, std::vector<float> embeddings) {
    const bool guided = *params_.decoder_guidance > 1;
    const std::vector<float> text = encode(model_.decoder_text_, guided);
    const Geometry geometry{.batch = guided ? 2 : 1,
                            .height = static_cast<std::int64_t>(sizes.height),
                            .width = static_cast<std::int64_t>(sizes.width),
                            .tokens = model_.decoder_text_.tokens()};
    if (guided) embeddings.resize(2 * embeddings.size());  // zeros for the unconditional half
    const auto constants = model_.decoder_->effnet_inputs(embeddings, sizes.prior_height, sizes.prior_width, geometry);
    return denoise({.stage = Stage::decoder,
                    .runner = model_.decoder_runner_,
                    .scheduler = model_.decoder_scheduler_,
                    .guidance = *params_.decoder_guidance,
                    .channels = model_.decoder_->config().c_in},
                   geometry, text, DdpmWuerstchen::times(*params_.decoder_steps), constants);
  }

  void vae(const Sizes& sizes, const std::vector<float>& latents) {
    report(Stage::vae, 0, 1);
    StageTime& time = time_of(Stage::vae);
    const auto start = Clock::now();
    const auto network = model_.vqgan(sizes.height, sizes.width);
    time.multiply_adds = network->multiply_adds();
    Network::Run run(*network);
    run.set("latents", latents);
    const auto step_start = Clock::now();
    run.execute();
    time.step_seconds.push_back(since(step_start));
    const auto planes = run.output("image");
    check_finite(planes, Stage::vae, 0);
    result_.image = image_from_planes(planes, *params_.width, *params_.height);
    time.seconds = since(start);
    report(Stage::vae, 1, 1);
  }

 private:
  struct Loop {
    Stage stage;
    const Denoiser& runner;
    const DdpmWuerstchen& scheduler;
    double guidance;
    std::size_t channels;
  };

  std::vector<float> denoise(const Loop& loop, const Geometry& geometry, std::span<const float> text, const std::vector<float>& times,
                             const std::map<std::string, std::vector<float>>& constants) {
    const int steps = static_cast<int>(times.size()) - 1;
    report(loop.stage, 0, steps);
    StageTime& time = time_of(loop.stage);
    const auto start = Clock::now();
    Denoiser::Picture picture(loop.runner.compile(geometry), text, std::span(times).first(times.size() - 1), constants);
    time.multiply_adds = picture.multiply_adds();

    const auto count = loop.channels * static_cast<std::size_t>(geometry.height * geometry.width);
    std::vector<float> latents(count);
    std::vector<float> noise(count);
    std::vector<float> batch(count * static_cast<std::size_t>(geometry.batch));
    rng_.randn(latents);
    for (int step = 0; step < steps; ++step) {
      stop_if_asked();
      const auto step_start = Clock::now();
      const auto i = static_cast<std::size_t>(step);
      for (std::size_t copy = 0; copy < batch.size(); copy += count)
        std::ranges::copy(latents, batch.begin() + static_cast<std::ptrdiff_t>(copy));
      const auto prediction = picture.predict(batch, i);
      rng_.randn(noise);
      if (geometry.batch == 2) {
        loop.scheduler.step(guide(prediction, loop.guidance), times[i], times[i + 1], latents, noise);
      } else {
        loop.scheduler.step(prediction, times[i], times[i + 1], latents, noise);
      }
      check_finite(latents, loop.stage, step + 1);
      time.step_seconds.push_back(since(step_start));
      if (result_.first_step_seconds == 0) result_.first_step_seconds = since(start_);
      report(loop.stage, step + 1, steps);
    }
    time.seconds = since(start);
    return latents;
  }

  std::vector<float> encode(const TextStage& stage, bool guided) {
    stop_if_asked();
    const auto start = Clock::now();
    TextStage::Encoded encoded = stage.encode(params_, guided);
    check_finite(encoded.embedding, Stage::text, 0);
    StageTime& time = time_of(Stage::text);
    time.seconds += since(start);
    time.multiply_adds += encoded.multiply_adds;
    time.step_seconds = {time.seconds};  // both stages' encoders together count as one step
    for (std::string& notice : encoded.notices) {
      if (std::ranges::find(result_.notices, notice) == result_.notices.end()) result_.notices.push_back(std::move(notice));
    }
    return std::move(encoded.embedding);
  }

  void report(Stage stage, int step, int total) const {
    stop_if_asked();
    if (progress_) progress_({.stage = stage, .step = step, .total = total});
  }

  void stop_if_asked() const {
    if (stop_.stop_requested()) throw Cancelled();
  }

  StageTime& time_of(Stage stage) { return result_.stages.at(static_cast<std::size_t>(stage)); }
  static double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

  const Wuerstchen& model_;
  GenerateResult& result_;
  const GenerateParams& params_;
  const ProgressFn& progress_;
  std::stop_token stop_;
  TorchRng rng_;
  Clock::time_point start_ = Clock::now();
};

GenerateResult Wuerstchen::generate(const GenerateParams& asked, const ProgressFn& progress, std::stop_token stop) const {
  GenerateResult result;
  result.params = with_defaults(asked);
  const wuerstchen::SizeRules rules{
      .config = config_, .multiple = decoder_->config().size_multiple(), .upscale = vqgan_.config().upscale()};
  const Sizes sizes = fit_sizes(rules, result.params, result.notices);
  Drawing drawing(*this, result, progress, std::move(stop));
  const std::vector<float> embeddings = drawing.prior(sizes, asked.steps.has_value() || card_.steps.has_value());
  drawing.vae(sizes, drawing.decoder(sizes, embeddings));
  return result;
}

}  // namespace

bool is_wuerstchen(const fs::path& folder) {
  return fs::exists(folder / "prior_prior") ||
         (fs::exists(folder / "prior" / "model_index.json") && fs::exists(folder / "decoder" / "model_index.json"));
}

std::unique_ptr<TextToImage> load_wuerstchen(const fs::path& folder, const EngineOptions& options) {
  const bool bf16 = has_bf16();
  if (options.precision == Precision::bf16 && !bf16)
    throw UsageError("this processor does not compute in bf16; ask for f32, or for none: then the best that it has is used");
  const Precision precision = options.precision.value_or(bf16 ? Precision::bf16 : Precision::f32);
  return std::make_unique<Wuerstchen>(folder, precision, options.threads);
}

}  // namespace p2p::engine
