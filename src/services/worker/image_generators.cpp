#include "services/worker/image_generators.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.hpp"
#include "base/pause.hpp"
#include "engine/image/image.hpp"
#include "engine/image/read_image.hpp"
#include "engine/image/resize.hpp"
#include "engine/pipelines/parameters.hpp"

namespace p2p::worker {
namespace {

/// Each variation requires drawing all previous ones.
constexpr std::size_t kMostVariations = 4;

/// Readers of events take a fraction of 1 for a picture that is drawn, which it is only after generate() has returned.
constexpr double kMostBeforeDrawn = 0.999;

EncodedImage to_picture(const engine::Image& image, const messages::Request& request, const engine::GenerateParams& params,
                        const engine::Origin& origin) {
  const auto format = engine::image_format_named(request.output_format).value_or(engine::ImageFormat::png);
  const auto bytes = engine::encode_image(image, format, engine::parameters_text(params, origin), request.output_compression);
  return {{bytes.begin(), bytes.end()}, image.width, image.height};
}

/// A PNG without parameters, with at most kMostPreviewSide pixels on each side.
std::string to_preview(engine::Image image) {
  constexpr double kMostPreviewSide = 256;
  const double scale = kMostPreviewSide / std::max(image.width, image.height);
  const auto scaled = [scale](int side) { return std::max(static_cast<int>(std::lround(side * scale)), 1); };
  if (scale < 1) image = engine::resize(image, scaled(image.width), scaled(image.height), engine::ResizeFilter::bicubic);
  const auto png = engine::encode_png(image, "");
  return {png.begin(), png.end()};
}

engine::GenerateParams to_params(const messages::Request& request) {
  return {.prompt = request.prompt,
          .negative_prompt = request.negative_prompt,
          .seed = request.seed,
          .width = request.width,
          .height = request.height,
          .steps = request.steps,
          .guidance = request.guidance,
          .decoder_steps = request.decoder_steps,
          .decoder_guidance = request.decoder_guidance,
          .clip_skip = request.clip_skip,
          .strength = request.strength,
          .variations = request.variations,
          .upscale = request.upscale};
}

/// "512x768"
std::string size_text(std::optional<int> width, std::optional<int> height) {
  const auto text = [](std::optional<int> side) { return side ? std::to_string(*side) : "any"; };
  return text(width) + "x" + text(height);
}

engine::Sampler sampler_of(const std::string& name) {
  if (const auto sampler = engine::sampler_named(name)) return *sampler;
  throw UsageError(sentence("no_such_sampler", "there is no sampler {0}; there are {1}", name, engine::sampler_names()));
}

engine::Image decode(std::string_view picture, std::vector<Sentence>& notices) try {
  return engine::decode_image({reinterpret_cast<const std::uint8_t*>(picture.data()), picture.size()}, "the picture to begin with",
                              &notices);
} catch (const UsageError& error) {
  throw UsageError(sentence("picture_damaged", "{0}", error.what()));
}

class EngineGenerator : public ImageGenerator {
 public:
  EngineGenerator(std::unique_ptr<engine::TextToImage> model, EngineGeneratorConfig config)
      : model_(std::move(model)), config_(std::move(config)), capabilities_(model_->capabilities()) {
    config_.max_pixels = std::min<std::int64_t>(config_.max_pixels, config_.card.max_pixels.value_or(INT32_MAX));
  }

  GenerationResult draw(const messages::Request& request, std::string_view picture, const GenerationProgressFn& progress,
                        std::stop_token stop) override {
    engine::GenerateParams params = to_params(request);
    if (!request.sampler.empty()) params.sampler = sampler_of(request.sampler);
    if (!params.steps) params.steps = config_.steps;
    if (!params.decoder_steps) params.decoder_steps = config_.decoder_steps;
    std::vector<Sentence> about_picture;
    if (!picture.empty()) params.image = std::make_shared<const engine::Image>(decode(picture, about_picture));
    std::optional<Sentence> scaled = params.image ? fit_picture(params) : std::nullopt;
    std::optional<Sentence> resized = take_size(params);
    const auto report = [&](const engine::Progress& at) {
      GenerationProgress now{std::string(engine::name_of(at.stage)), at.step, at.total, std::min(at.fraction, kMostBeforeDrawn)};
      if (config_.previews && at.preview) now.preview = [&at] { return to_preview(at.preview()); };
      progress(now);
    };
    engine::GenerateResult result = model_->generate(params, report, stop);
    if (result.safety && result.safety->flagged) throw Withheld(result.notices.back().text);

    GenerationResult drawing;
    for (const engine::StageTime& time : result.stages) drawing.seconds[std::string(engine::name_of(time.stage))] += time.seconds;
    const engine::GenerateParams& used = result.params;
    drawing.used["precision"] = model_->precision() == engine::Precision::bf16 ? "bf16" : "f32";
    if (used.steps) drawing.used["steps"] = std::to_string(*used.steps);
    if (used.clip_skip) drawing.used["clip_skip"] = std::to_string(*used.clip_skip);
    if (used.decoder_steps) drawing.used["decoder_steps"] = std::to_string(*used.decoder_steps);
    drawing.notices = std::move(about_picture);
    std::ranges::move(result.notices, std::back_inserter(drawing.notices));
    for (auto* const notice : {&resized, &scaled}) {
      if (*notice) drawing.notices.insert(drawing.notices.begin(), std::move(**notice));
    }
    if (params.variations.size() < kMostVariations) drawing.offers.emplace_back(messages::offer::kVariation);
    if (capabilities_.takes_pictures && !params.upscale) drawing.offers.emplace_back(messages::offer::kLarger);
    drawing.picture = to_picture(result.image, request, used,
                                 {.model = config_.model,
                                  .sampler = result.sampler,
                                  .program = config_.program,
                                  .precision = drawing.used["precision"],
                                  .notices = drawing.notices});
    return drawing;
  }

  messages::Model describe() const override {
    namespace feature = messages::feature;
    const engine::ModelCard& card = config_.card;
    const engine::GenerateParams& defaults = capabilities_.defaults;
    messages::Model model{.languages = card.languages,
                          .licence = card.licence.value_or(""),
                          .features = {std::string(feature::kNegativePrompt), std::string(feature::kVariation)},
                          .width = defaults.width,
                          .height = defaults.height,
                          .steps = config_.steps ? config_.steps : defaults.steps,
                          .guidance = defaults.guidance,
                          .decoder_steps = config_.decoder_steps ? config_.decoder_steps : defaults.decoder_steps,
                          .decoder_guidance = defaults.decoder_guidance};
    if (card.title_en) model.title["en"] = *card.title_en;
    if (card.title_ru) model.title["ru"] = *card.title_ru;
    if (!card.examples_en.empty()) model.examples["en"] = card.examples_en;
    if (!card.examples_ru.empty()) model.examples["ru"] = card.examples_ru;
    for (const auto& [width, height] : card.sizes) model.sizes.push_back(std::to_string(width) + "x" + std::to_string(height));
    for (const engine::Sampler& sampler : capabilities_.samplers) model.samplers.emplace_back(engine::name_of(sampler));
    if (capabilities_.takes_pictures) {
      for (const std::string_view word : {feature::kLarger, feature::kImage}) model.features.emplace_back(word);
    }
    if (config_.previews && capabilities_.gives_previews) model.features.emplace_back(feature::kPreview);
    if (config_.max_pixels <= INT32_MAX) model.max_pixels = static_cast<int>(config_.max_pixels);
    return model;
  }

 private:
  /// Sets the size for a picture to begin with. Its own is used where none is requested; but if it has more pixels than the model draws by
  /// default, it is scaled down to as many, and the result is a notice about it.
  std::optional<Sentence> fit_picture(engine::GenerateParams& params) const {
    constexpr int kMultiple = 8;  // of the sides that every model can draw
    const auto [width, height] = std::pair(params.image->width, params.image->height);
    if (params.width || params.height || !config_.card.sizes.empty()) {
      params.width = params.width.value_or(width);
      params.height = params.height.value_or(height);
      return std::nullopt;
    }
    const engine::GenerateParams& usual = capabilities_.defaults;
    const double most =
        std::min(static_cast<double>(config_.max_pixels), static_cast<double>(usual.width.value_or(1)) * usual.height.value_or(1));
    const double scale = std::sqrt(most / width / height);
    if (scale >= 1) return std::nullopt;
    const auto scaled = [scale](int side) { return std::max(static_cast<int>(side * scale) / kMultiple, 1) * kMultiple; };
    params.width = scaled(width);
    params.height = scaled(height);
    return sentence("picture_scaled", "drawn at {0}, because the picture has {1} pixels; name a size to draw a larger one",
                    size_text(params.width, params.height), size_text(width, height));
  }

  /// Replaces the requested size by one that the model can draw, and returns a notice about it. Throws UsageError if the size is too
  /// large.
  std::optional<Sentence> take_size(engine::GenerateParams& params) const {
    if (!params.width && !params.height) return std::nullopt;
    const std::string asked = size_text(params.width, params.height);
    if (config_.card.sizes.empty()) {
      const double side = params.upscale.value_or(1);
      const double pixels = side * side * params.width.value_or(1) * params.height.value_or(1);
      if (pixels > static_cast<double>(config_.max_pixels))
        throw UsageError(sentence("size_too_large", "the size {0} is too large: at most {1} pixels are drawn", asked, config_.max_pixels));
      return std::nullopt;
    }
    const auto [width, height] = engine::nearest_size(config_.card.sizes, params.width, params.height);
    const bool same = params.width.value_or(width) == width && params.height.value_or(height) == height;
    params.width = width;
    params.height = height;
    if (same) return std::nullopt;
    return sentence("nearest_size", "drawn at {0}, the size next to {1} that the model can draw", size_text(width, height), asked);
  }

  std::unique_ptr<engine::TextToImage> model_;
  EngineGeneratorConfig config_;
  engine::Capabilities capabilities_;
};

class FlatGenerator : public ImageGenerator {
 public:
  FlatGenerator(std::chrono::milliseconds time, std::string program, bool previews)
      : time_(time), program_(std::move(program)), previews_(previews) {}

  GenerationResult draw(const messages::Request& request, std::string_view /*picture*/, const GenerationProgressFn& progress,
                        std::stop_token stop) override {
    constexpr int kSide = 64;
    constexpr int kParts = 10;
    const std::uint64_t colour = request.seed * 0x9e3779b97f4a7c15ull;  // neighbouring seeds get distinct colours
    engine::Image image{kSide, kSide, std::vector<std::uint8_t>(std::size_t{kSide} * kSide * 3)};
    for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(colour >> (40 + 8 * (i % 3)));
    for (int part = 0; part < kParts && time_.count() > 0; ++part) {
      GenerationProgress now{"prior", part, kParts, static_cast<double>(part) / kParts};
      if (previews_) now.preview = [&image] { return to_preview(image); };
      progress(now);
      if (!pause(time_ / kParts, stop)) throw Cancelled();
    }
    if (stop.stop_requested()) throw Cancelled();
    engine::GenerateParams params = to_params(request);
    params.width = params.height = kSide;
    GenerationResult drawing;
    drawing.picture = to_picture(image, request, params, {.model = "flat", .sampler = "none", .program = program_});
    drawing.seconds["prior"] = std::chrono::duration<double>(time_).count();
    return drawing;
  }

  messages::Model describe() const override {
    messages::Model model;
    if (previews_) model.features.emplace_back(messages::feature::kPreview);
    return model;
  }

 private:
  std::chrono::milliseconds time_;
  std::string program_;
  bool previews_;
};

}  // namespace

std::unique_ptr<ImageGenerator> engine_generator(std::unique_ptr<engine::TextToImage> model, EngineGeneratorConfig config) {
  return std::make_unique<EngineGenerator>(std::move(model), std::move(config));
}
std::unique_ptr<ImageGenerator> flat_generator(std::chrono::milliseconds time, std::string program, bool previews) {
  return std::make_unique<FlatGenerator>(time, std::move(program), previews);
}

}  // namespace p2p::worker
