#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/sentence.hpp"
#include "engine/graph/precision.hpp"
#include "engine/image/image.hpp"
#include "engine/sampling/sampler.hpp"

namespace p2p::engine {

/// The parts of a generation, which are timed and report progress, in the order they run. Each family has some of them.
enum class Stage { text, prior, decoder, unet, vae };
std::string_view name_of(Stage stage);

/// A LoRA that changes the model for a picture.
struct Lora {
  std::filesystem::path file;
  double weight = 1;                  ///< factor of its changes, -100 to 100
  std::optional<double> text_weight;  ///< the factor for text encoders, if it is another one

  bool operator==(const Lora&) const = default;
};

/// The parameters of one picture. Unset values are the model's defaults.
struct GenerateParams {
  std::string prompt;
  std::string negative_prompt;
  bool plain = false;  ///< take both literally: none of A1111's syntax, and text beyond the first chunk is cut
  std::uint64_t seed = 0;
  std::optional<int> width;        ///< px
  std::optional<int> height;       ///< px
  std::optional<int> steps;        ///< of the UNet, or of the prior, which then have equal size
  std::optional<double> guidance;  ///< classifier-free guidance of the UNet or the prior; off up to 1
  std::optional<int> decoder_steps;
  std::optional<double> decoder_guidance;
  std::optional<Sampler> sampler;  ///< Würstchen supports only its own
  /// Stable Diffusion: the layer of the text encoders whose states are used, counted from the last one, 1, as in AUTOMATIC1111's web UI.
  /// SD 1 and 2 apply the final norm to it. Unset: that of diffusers, 1, for SDXL 2.
  std::optional<int> clip_skip;
  std::vector<Lora> loras;  ///< of Stable Diffusion; their changes add up
  /// Stable Diffusion: the picture to start from, resized to width x height (unset: its own size, rounded down to a supported one).
  std::shared_ptr<const Image> image;
  /// 0 to 1: the part of the loop that is run again from `image`, for each of the `variations`, or after an `upscale`.
  /// Unset: 0.8 (SDXL: 0.3) for `image`, 0.6 for `variations`, 0.3 for `upscale`; more if that selects no step.
  std::optional<double> strength;
  /// Seeds: the picture of `seed` is redrawn from its latents with the noise of the first seed, the result with that of the next, and so
  /// on. At most 16.
  std::vector<std::uint64_t> variations;
  /// Stable Diffusion, above 1 to 4: draws the picture (or takes `image`), enlarges it by this factor and redraws it with the same seed.
  /// width and height are the size before.
  std::optional<double> upscale;
};

/// Reported at the start of each stage (step 0) and after each step, on the thread that called generate().
struct Progress {
  Stage stage = Stage::text;
  int step = 0;
  int total = 0;
  double fraction = 0;  ///< of the whole generation, 0 at its start to 1 at its end; never decreases
  /// The picture that the last step predicts, at full size, or see EngineOptions::quick_previews. Call it only before the callback
  /// returns. Set after each step of a UNet or of Würstchen's decoder except the last of a loop, else empty.
  std::function<Image()> preview = {};
};
using ProgressFn = std::function<void(const Progress&)>;

/// The time of a stage.
struct StageTime {
  Stage stage = Stage::text;
  double seconds = 0;                ///< total, including computations outside the steps
  std::vector<double> step_seconds;  ///< of each step; text and vae have one
  double multiply_adds = 0;          ///< per step: matrix products and convolutions
};

/// The verdict of a model's safety checker.
struct SafetyVerdict {
  bool flagged = false;  ///< the picture was replaced by a black one
  double score = 0;      ///< the largest score of a concept, three digits; flagged above 0
};

struct GenerateResult {
  Image image;
  GenerateParams params;  ///< as requested, with the model's defaults
  std::string sampler;    ///< AUTOMATIC1111's name of it
  std::vector<StageTime> stages;
  double first_step_seconds = 0;        ///< from the call to the end of the first step
  std::vector<Sentence> notices;        ///< differences from the request: a cut prompt, another size
  std::optional<SafetyVerdict> safety;  ///< if EngineOptions::safety is set
};

struct EngineOptions {
  std::optional<Precision> precision;  ///< unset: bf16 if the processor supports it, else f32
  int threads = 0;                     ///< 0: all processors that the process may use, within the quota of its cgroups
  std::filesystem::path loras_dir;     ///< folder of NAME.safetensors for <lora:NAME:WEIGHT> in prompts; empty: none
  /// Stable Diffusion: the folder or .safetensors file (open_vae_file()) of an AutoencoderKL or AutoencoderTiny (such as TAESD) instead of
  /// the model's own; empty: its own.
  std::filesystem::path vae;
  /// Stable Diffusion: the folder or file of a VAE for Progress::preview, such as TAESD, which is fast; empty: the VAE of the pictures.
  std::filesystem::path preview_vae;
  /// Stable Diffusion without `preview_vae`: Progress::preview has one pixel per latent, which takes no time, instead of decoding it.
  bool quick_previews = false;
  /// Stable Diffusion: whether an AutoencoderKL decodes in tiles if the picture is larger than in training. This limits memory and changes
  /// the picture slightly. Unset: above 1536x1536 pixels.
  std::optional<bool> vae_tiling;
  /// Stable Diffusion: files of textual inversions, whose words prompts can then use.
  std::vector<std::filesystem::path> embeddings;
  /// For models in a single file, which has no tokenizer: a folder with `tokenizer/` and `tokenizer_2/`, the CLIP tokenizers of SDXL.
  std::filesystem::path clip_tokenizers;
  /// Stable Diffusion: if set, the model's safety checker checks each picture. The value, -1 to 1, is added to its scores: above 0 it
  /// flags more pictures, below 0 fewer. A model without a checker then fails to load. There are no previews then.
  std::optional<double> safety;
};

/// What a model supports.
struct Capabilities {
  GenerateParams defaults;        ///< the values of parameters that are not set
  std::vector<Sampler> samplers;  ///< for GenerateParams::sampler; empty: the model has one of its own
  bool takes_pictures = false;    ///< GenerateParams::image, and with it `upscale`
  bool takes_loras = false;       ///< GenerateParams::loras
  bool gives_previews = false;    ///< Progress::preview
};

/// A loaded model. generate() may run on several threads at once.
class TextToImage {
 public:
  virtual ~TextToImage() = default;

  /// Draws one picture. Throws UsageError for parameters that the model does not support, Cancelled within a step of a stop request, and
  /// Error if numbers are not finite, with the stage.
  virtual GenerateResult generate(const GenerateParams& params, const ProgressFn& progress = {}, std::stop_token stop = {}) const = 0;

  virtual Capabilities capabilities() const = 0;

  /// The precision of its arithmetic.
  virtual Precision precision() const = 0;
};

/// Loads a model: a folder with model_index.json, which determines the family, or a .safetensors file with a whole Stable Diffusion model.
/// Throws ModelError.
std::unique_ptr<TextToImage> load_text_to_image(const std::filesystem::path& model, const EngineOptions& options = {});

}  // namespace p2p::engine
