#include "engine/pipelines/stable_diffusion.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/models/stable_diffusion/embeddings.hpp"
#include "engine/models/stable_diffusion/unet.hpp"
#include "engine/pipelines/generation_context.hpp"
#include "engine/pipelines/model_card.hpp"
#include "engine/pipelines/stable_diffusion/components.hpp"
#include "engine/pipelines/stable_diffusion/defaults.hpp"
#include "engine/pipelines/stable_diffusion/img2img.hpp"
#include "engine/pipelines/stable_diffusion/latent_rgb.hpp"
#include "engine/pipelines/stable_diffusion/lora_networks.hpp"
#include "engine/pipelines/stable_diffusion/lora_tags.hpp"
#include "engine/pipelines/stable_diffusion/model_index.hpp"
#include "engine/pipelines/stable_diffusion/safety.hpp"
#include "engine/pipelines/stable_diffusion/text_plan.hpp"
#include "engine/pipelines/stray_tensors.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using stable_diffusion::Family;
using stable_diffusion::ModelIndex;
using stable_diffusion::Start;
using stable_diffusion::TextEncoders;
using stable_diffusion::TextEncoding;
using stable_diffusion::VaeNetworks;

constexpr float kBlack = -1;  // in the output of a vae

// unconditional + guidance * the weighted sum of (text - unconditional), over a batch of [unconditional, text, ...]. Equal to
// AUTOMATIC1111's combine_denoised, because the picture is linear in the prediction.
std::vector<float> apply_guidance(std::span<const float> batch, double guidance, std::span<const double> weights) {
  const std::size_t n = batch.size() / (weights.size() + 1);
  std::vector<float> result(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(n));
  for (std::size_t part = 0; part < weights.size(); ++part) {
    const float weight = static_cast<float>(weights[part] * guidance);
    const std::span<const float> text = batch.subspan((part + 1) * n, n);
    for (std::size_t i = 0; i < n; ++i) result[i] += weight * (text[i] - batch[i]);
  }
  return result;
}

class StableDiffusion final : public TextToImage {
 public:
  StableDiffusion(const fs::path& model, const EngineOptions& options)
      : precision_(*options.precision),
        loras_dir_(options.loras_dir),
        index_(model, options.clip_tokenizers),
        scheduler_(stable_diffusion::load_scheduler(index_)),
        unet_(std::make_shared<stable_diffusion::Unet>(index_.component("unet"))),
        vae_(stable_diffusion::load_vae(index_, options)),
        preview_vae_(stable_diffusion::load_preview_vae(index_, options)),
        maps_previews_(options.quick_previews && !preview_vae_),
        defaults_(stable_diffusion::Defaults::of(index_, unet_->config(), upscale(), read_model_card(model))),
        networks_(stable_diffusion::load_text_encoders(index_, options), unet_, precision_, options.threads) {
    check_parts_fit();
    note_strays(options);
    if (options.safety) safety_.emplace(model, *options.safety, precision_, options.threads);
  }

  Precision precision() const override { return precision_; }
  Capabilities capabilities() const override {
    std::vector<Sentence> notices;
    return {.defaults = defaults_.fill_in({}, upscale(), notices),
            .samplers = offered_samplers(),
            .takes_pictures = true,
            .takes_loras = true,
            .gives_previews = gives_previews()};
  }

  GenerateResult generate(const GenerateParams& asked, const ProgressFn& progress, std::stop_token stop) const override {
    const auto draw = [&](const GenerateParams& params, const ProgressFn& report) { return this->draw(params, report, stop); };
    GenerateResult result = asked.upscale ? upscaled(asked, progress, draw) : draw(asked, progress);
    if (!asked.upscale) stage_weights_.set(result.stages);
    if (safety_) safety_->judge(result);
    result.notices.insert(result.notices.end(), notices_.begin(), notices_.end());
    return result;
  }

 private:
  GenerateResult upscaled(const GenerateParams& asked, const ProgressFn& progress, const stable_diffusion::DrawFn& draw) const {
    std::vector<Sentence> notices;  // dropped: draw() reports them
    const GenerateParams filled = defaults_.fill_in(asked, upscale(), notices);
    const bool own = asked.image != nullptr;
    GenerateParams params = asked;
    params.steps = filled.steps;
    return stable_diffusion::draw_upscaled(params, own ? asked.width.value_or(asked.image->width) : *filled.width,
                                           own ? asked.height.value_or(asked.image->height) : *filled.height, upscale(), progress, draw);
  }

  GenerateResult draw(const GenerateParams& asked, const ProgressFn& progress, std::stop_token stop) const {
    GenerateResult result;
    result.params = defaults_.fill_in(asked, upscale(), result.notices);
    if (!asked.plain) stable_diffusion::take_lora_tags(result.params, loras_dir_, result.notices);
    const auto from_picture = [&] { return stable_diffusion::start_from_picture(result.params, scheduler_, index_.family()); };
    std::vector<Start> passes;  // created first, so that unsupported parameters fail before drawing starts
    passes.push_back(asked.image ? from_picture() : Start{.scheduler = scheduler_.make(*result.params.steps, asked.sampler)});
    std::ranges::generate_n(std::back_inserter(passes), std::ssize(asked.variations), from_picture);
    std::ranges::move(scheduler_.notices(asked.sampler), std::back_inserter(result.notices));
    result.sampler = a1111_name_of(asked.sampler.value_or(scheduler_.own_sampler()));
    GenerationContext context(result, stage_weights_.get(), progress, std::move(stop));
    const auto networks = networks_.get(result.params.loras);
    result.notices.insert(result.notices.end(), networks->notices.begin(), networks->notices.end());
    const TextEncoding text = encode(context, *networks->text, passes);
    const std::vector<float> latents = denoise(context, text, networks->denoiser, passes);
    context.vae([&](StageTime& time) { return decode(vae_, context, latents, time); }, kBlack);
    return result;
  }

  void note_strays(const EngineOptions& options) {
    std::vector<std::string> strays = index_.strays();
    const auto add = [&](const std::vector<std::string>& more) { strays.insert(strays.end(), more.begin(), more.end()); };
    add(unet_->weights().strays());
    add(strays_of(networks_.text().weights()));
    if (options.vae.empty()) add(vae_.vae().strays());
    if (auto notice = stray_notice(index_.path(), strays)) notices_.push_back(*std::move(notice));
    if (options.vae.empty()) return;
    if (auto notice = stray_notice(options.vae, vae_.vae().strays())) notices_.push_back(*std::move(notice));
  }

  void check_parts_fit() const {
    const auto expect = [&](const char* part, const char* key, std::size_t expected, std::size_t found, const char* why) {
      if (expected != found) {
        index_.component(part).config.fail(key, "expected " + std::to_string(expected) + ", " + why + "; found " + std::to_string(found));
      }
    };
    const auto& unet = unet_->config();
    expect("unet", "cross_attention_dim", networks_.text().width(), unet.cross_attention_dim, "the width of the text");
    expect("unet", "in_channels", vae_.vae().latent_channels(), unet.in_channels, "the vae's latent_channels (pictures from words alone)");
    if (preview_vae_ && (preview_vae_->vae().latent_channels() != unet.in_channels || preview_vae_->vae().upscale() != upscale()))
      throw UsageError("the vae of previews is for another family of models; name another");
    expect("unet", "out_channels", unet.in_channels, unet.out_channels, "the same as in_channels");
    const std::size_t added = networks_.text().pooled_width() + (index_.family() == Family::xl ? 6 * unet.addition_time_embed_dim : 0);
    expect("unet", "projection_class_embeddings_input_dim", added, unet.projection_class_embeddings_input_dim,
           "the pooled text and six sizes");
  }

  bool guided(const GenerateParams& params) const { return *params.guidance > 1 && unet_->config().time_cond_proj_dim == 0; }

  /// Pixels per latent along each side.
  std::size_t upscale() const { return vae_.vae().upscale(); }

  std::pair<std::size_t, std::size_t> latent_size(const GenerateParams& params) const {
    return {static_cast<std::size_t>(*params.height) / upscale(), static_cast<std::size_t>(*params.width) / upscale()};
  }

  TextEncoding encode(GenerationContext& context, const TextEncoders& encoders, std::span<const Start> passes) const {
    context.report(Stage::text, 0, 1);
    const auto start = GenerationContext::Clock::now();
    const GenerateParams& params = context.params();
    stable_diffusion::TextRequest request{.guided = guided(params) || stable_diffusion::is_composed(params)};
    // As AUTOMATIC1111 counts: every loop from 0, and samplers of second order by evaluations.
    request.steps = *params.steps * static_cast<int>(passes[0].scheduler->order());
    for (const Start& pass : passes) request.evaluations = std::max(request.evaluations, pass.timesteps().size());
    TextEncoding text = encoders.encode(params, request);
    for (const stable_diffusion::TextCondition& condition : text.conditions) check_finite(condition.embeds, Stage::text, 0);
    StageTime& time = context.time_of(Stage::text);
    time.seconds = GenerationContext::since(start);
    time.step_seconds = {time.seconds};
    time.multiply_adds = text.multiply_adds;
    auto& notices = context.result().notices;
    notices.insert(notices.end(), text.notices.begin(), text.notices.end());
    context.report(Stage::text, 1, 1);
    return text;
  }

  // Further inputs of the time graph.
  Inputs time_constants(const GenerateParams& params, const stable_diffusion::TextCondition& text) const {
    const auto& unet = unet_->config();
    Inputs constants;
    if (unet.time_cond_proj_dim > 0) {
      constants["condition"] = stable_diffusion::guidance_scale_embedding(*params.guidance, unet.time_cond_proj_dim);
    }
    if (unet.projection_class_embeddings_input_dim > 0) {
      const auto height = static_cast<float>(*params.height);
      const auto width = static_cast<float>(*params.width);
      const std::array time_ids{height, width, 0.0F, 0.0F, height, width};  // original size, crop corner, target size
      std::vector<float>& added = constants["added"];
      const std::size_t pooled_width = networks_.text().pooled_width();
      for (std::size_t at = 0; at < text.pooled.size(); at += pooled_width) {
        const auto row = unet_->added_condition(std::span(text.pooled).subspan(at, pooled_width), time_ids);
        added.insert(added.end(), row.begin(), row.end());
      }
    }
    return constants;
  }

  // Latents of `picture` with added noise.
  static std::vector<float> noised(GenerationContext& context, const Start& begin, std::span<const float> picture) {
    std::vector<float> noise(picture.size());
    context.rng().randn(noise);
    std::vector<float> latents(noise.size());
    begin.scheduler->add_noise(picture, noise, begin.evaluation, latents);
    return latents;
  }

  // Start of the loop: noise, or the picture with added noise.
  std::vector<float> first_latents(GenerationContext& context, const Start& begin) const {
    const auto [height, width] = latent_size(context.params());
    if (!context.params().image) {
      std::vector<float> noise(unet_->config().in_channels * height * width);
      context.rng().randn(noise);
      for (float& value : noise) value *= begin.scheduler->init_noise_sigma();
      return noise;
    }
    const auto start = GenerationContext::Clock::now();
    const std::vector<float> picture = vae_.encode(stable_diffusion::planes_of(context.params()), height, width, context.rng());
    context.time_of(Stage::vae).seconds += GenerationContext::since(start);
    return noised(context, begin, picture);
  }

  // The loop of the picture, then those of its variations.
  std::vector<float> denoise(GenerationContext& context, const TextEncoding& text, const Denoiser& denoiser,
                             std::span<const Start> passes) const {
    // Some samplers evaluate the network more often than they step.
    const auto total = std::transform_reduce(passes.begin(), passes.end(), std::size_t{0}, std::plus<>{},
                                             [](const Start& pass) { return pass.timesteps().size(); });
    const auto steps = static_cast<int>(total);
    context.report(Stage::unet, 0, steps);
    std::vector<float> latents = first_latents(context, passes[0]);
    int done = denoise(context, text, denoiser, passes[0], latents, 0, steps);
    for (std::size_t i = 1; i < passes.size(); ++i) {
      context.reseed(context.params().variations[i - 1]);
      latents = noised(context, passes[i], latents);
      done = denoise(context, text, denoiser, passes[i], latents, done, steps);
    }
    return latents;
  }

  // One loop. `done` of all `steps` evaluations precede it; returns the number done after it.
  int denoise(GenerationContext& context, const TextEncoding& text, const Denoiser& denoiser, const Start& begin,
              std::vector<float>& latents, int done, int steps) const {
    const GenerateParams& params = context.params();
    Scheduler& scheduler = *begin.scheduler;
    const std::span<const float> times = begin.timesteps();
    const auto start = GenerationContext::Clock::now();
    const auto [height, width] = latent_size(params);
    const LatentShape shape{.batch = static_cast<std::int64_t>(text.batch),
                            .height = static_cast<std::int64_t>(height),
                            .width = static_cast<std::int64_t>(width),
                            .tokens = static_cast<std::int64_t>(text.tokens)};
    // The condition of each run of steps is set when the run begins.
    const auto run_end = [&](std::size_t step) {
      const auto first = text.at.begin() + static_cast<std::ptrdiff_t>(step);
      const auto last = text.at.begin() + static_cast<std::ptrdiff_t>(times.size());
      return static_cast<std::size_t>(std::find_if(first, last, [&](std::size_t other) { return other != *first; }) - text.at.begin());
    };
    const auto& first = text.conditions[text.at[0]];
    DenoiseSession session(denoiser.compile(shape), first.embeds, times, {}, time_constants(params, first));
    std::size_t next_run = run_end(0);
    context.time_of(Stage::unet).multiply_adds = session.multiply_adds();

    const std::size_t count = latents.size();
    std::vector<float> batch(count * static_cast<std::size_t>(shape.batch));
    for (std::size_t step = 0; step < times.size(); ++step) {
      context.stop_if_asked();
      const auto step_start = GenerationContext::Clock::now();
      const std::size_t i = begin.evaluation + step;
      if (step == next_run) {
        next_run = run_end(step);
        const auto& condition = text.conditions[text.at[step]];
        session.set_text(condition.embeds, time_constants(params, condition), step, next_run);
      }
      scheduler.scale_model_input(latents, i, std::span(batch).first(count));
      for (std::size_t at = count; at < batch.size(); at += count)
        std::copy_n(batch.begin(), count, batch.begin() + static_cast<std::ptrdiff_t>(at));
      std::span<const float> prediction = session.predict(batch, step);
      std::vector<float> combined;
      if (shape.batch > 1) prediction = combined = apply_guidance(prediction, guided(params) ? *params.guidance : 1, text.weights);
      const std::vector<float> before = latents;
      scheduler.step(prediction, i, latents, context.rng());
      const auto preview = [&] {
        return this->preview(context, predicted_original(scheduler, scheduler_.prediction(), i, before, prediction));
      };
      context.finish_step(Stage::unet, ++done, steps, step_start, latents,
                          gives_previews() && step + 1 < times.size() ? std::function<Image()>(preview) : std::function<Image()>());
    }
    context.time_of(Stage::unet).seconds += GenerationContext::since(start);
    return done;
  }

  bool gives_previews() const {
    if (safety_) return false;  // they would show what it withholds
    return !maps_previews_ || vae_.vae().latent_channels() == stable_diffusion::kLatentRgbChannels;
  }

  Image preview(const GenerationContext& context, std::span<const float> latents) const {
    if (maps_previews_) {
      const auto [height, width] = latent_size(context.params());
      return stable_diffusion::latent_rgb(index_.family(), latents, static_cast<int>(width), static_cast<int>(height));
    }
    StageTime time;  // not counted: the preview is no stage
    return context.image_of(decode(preview_vae_ ? *preview_vae_ : vae_, context, latents, time), kBlack);
  }

  std::vector<float> decode(const VaeNetworks& vae, const GenerationContext& context, std::span<const float> latents,
                            StageTime& time) const {
    const auto [height, width] = latent_size(context.params());
    return vae.decode(latents, height, width, context, time);
  }

  Precision precision_;
  fs::path loras_dir_;
  ModelIndex index_;
  SchedulerConfig scheduler_;
  std::shared_ptr<stable_diffusion::Unet> unet_;
  VaeNetworks vae_;
  std::unique_ptr<const VaeNetworks> preview_vae_;
  bool maps_previews_;  ///< by latent_rgb()
  stable_diffusion::Defaults defaults_;
  stable_diffusion::LoraNetworks networks_;
  StageWeights stage_weights_{{{Stage::text, 0.01}, {Stage::unet, 0.9}, {Stage::vae, 0.09}}};
  std::optional<stable_diffusion::Safety> safety_;
  std::vector<Sentence> notices_;  ///< about the model, for every result
};

}  // namespace

bool is_stable_diffusion(const fs::path& model) {
  if (is_single_file(model)) return true;
  if (!fs::exists(model / "model_index.json")) return false;
  const Json index = read_json(model / "model_index.json");
  const Json name = index.is_object() ? index.value("_class_name", Json()) : Json();
  return name.is_string() && stable_diffusion::family_of_pipeline(name.get<std::string>()).has_value();
}

std::pair<int, int> stable_diffusion_size(const fs::path& model) {
  const ModelIndex index(model, {});
  const auto unet = stable_diffusion::UnetConfig::load(index.component("unet").config);
  // A file without a VAE gets one of these families, which all have the same scale.
  constexpr std::size_t kUpscale = 8;
  const std::size_t upscale = index.has_vae() ? stable_diffusion::Vae(index).upscale() : kUpscale;
  const auto defaults = stable_diffusion::Defaults::of(index, unet, upscale, read_model_card(model));
  return {defaults.width, defaults.height};
}

std::unique_ptr<TextToImage> load_stable_diffusion(const fs::path& model, const EngineOptions& options) {
  return std::make_unique<StableDiffusion>(model, options);
}

}  // namespace p2p::engine
