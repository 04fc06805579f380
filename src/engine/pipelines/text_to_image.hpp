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

#include "engine/graph/precision.hpp"
#include "engine/image/image.hpp"
#include "engine/sampling/sampler.hpp"

namespace p2p::engine {

/// Parts of a drawing that are timed and report progress, in the order they run; each family has some of them.
enum class Stage { text, prior, decoder, unet, vae };
std::string_view name_of(Stage stage);

/// A LoRA that changes the model for a picture.
struct Lora {
  std::filesystem::path file;
  double weight = 1;  ///< what its changes are multiplied by, -100 to 100

  bool operator==(const Lora&) const = default;
};

/// One picture's wishes. What is unset follows the model's own defaults.
struct GenerateParams {
  std::string prompt;
  std::string negative_prompt;
  bool plain = false;  ///< take both literally: no weights, no BREAK, and what is longer than the model reads is cut
  std::uint64_t seed = 0;
  std::optional<int> width;        ///< px
  std::optional<int> height;       ///< px
  std::optional<int> steps;        ///< of the UNet, or that many equal ones of the prior
  std::optional<double> guidance;  ///< classifier-free guidance of the UNet or the prior, on above 1
  std::optional<int> decoder_steps;
  std::optional<double> decoder_guidance;
  std::optional<Sampler> sampler;  ///< Würstchen has its own alone
  std::vector<Lora> loras;         ///< of Stable Diffusion; their changes add up
  /// Stable Diffusion: the picture to begin with, resized to width x height (unset: its own size, rounded down to what the model can draw).
  std::shared_ptr<const Image> image;
  /// 0 to 1: how much of the way is drawn anew from `image`, for each of the `variations`, or when the picture is drawn again at its
  /// `upscale`. Unset: 0.8, of SDXL 0.3; for variations 0.6; with `upscale` 0.3; more where that is no step.
  std::optional<double> strength;
  /// Seeds: the picture of `seed` is drawn again from its latents with the noise of the first, the result with that of the next. 16 at
  /// most.
  std::vector<std::uint64_t> variations;
  /// Stable Diffusion, above 1 to 4: draws the picture (or takes `image`), resizes it by so much and draws it again from there with the
  /// same seed. width and height are those before.
  std::optional<double> upscale;
};

/// Sent after each step (and once, with step 0, as a stage begins), from the thread that called generate().
struct Progress {
  Stage stage = Stage::text;
  int step = 0;
  int total = 0;
  double fraction = 0;  ///< of the whole generation, 0 at its start to 1 at its end; never decreases
  /// Decodes what is drawn so far, at the picture's size, noise and all. May be called before the receiver returns; there after each step
  /// of a UNet but a loop's last, else empty.
  std::function<Image()> preview = {};
};
using ProgressFn = std::function<void(const Progress&)>;

/// Where the time of one picture went.
struct StageTime {
  Stage stage = Stage::text;
  double seconds = 0;                ///< all of it, what is computed once included
  std::vector<double> step_seconds;  ///< of each step; text and vae are one
  double multiply_adds = 0;          ///< of a step: matrix products and convolutions
};

/// What a model's safety checker says of a picture.
struct SafetyVerdict {
  bool flagged = false;  ///< the picture was withheld, and a black one stands in its place
  double score = 0;      ///< the largest of what is looked for, three digits; flagged where above 0
};

struct GenerateResult {
  Image image;
  GenerateParams params;     ///< as asked, the model's defaults filled in
  std::string_view sampler;  ///< by the name that AUTOMATIC1111 has for it
  std::vector<StageTime> stages;
  double first_step_seconds = 0;        ///< from the call to the end of the first step
  std::vector<std::string> notices;     ///< what was done otherwise than asked: a prompt cut, a size taken larger
  std::optional<SafetyVerdict> safety;  ///< where EngineOptions::safety is set
};

struct EngineOptions {
  std::optional<Precision> precision;  ///< unset: bf16 where the processor has it, else f32
  int threads = 0;                     ///< 0: all that this process may use
  std::filesystem::path loras_dir;     ///< where prompts' <lora:NAME:WEIGHT> finds NAME.safetensors; empty: nowhere
  /// Stable Diffusion: the folder of an AutoencoderKL or AutoencoderTiny (such as TAESD) in the place of the model's own; empty: its own.
  std::filesystem::path vae;
  /// Stable Diffusion: the folder of one (such as TAESD, which is quick) for Progress::preview; empty: that of the pictures.
  std::filesystem::path preview_vae;
  /// Stable Diffusion: whether an AutoencoderKL decodes in tiles what is larger than it was trained on, which bounds the memory and changes
  /// the picture slightly. Unset: from more than 1536x1536 pixels on.
  std::optional<bool> vae_tiling;
  /// Stable Diffusion: words that were learned for the model (textual inversion), which prompts may then use.
  std::vector<std::filesystem::path> embeddings;
  /// For models in a single file, which holds none: a folder with `tokenizer/` and `tokenizer_2/`, CLIP's as SDXL has them.
  std::filesystem::path clip_tokenizers;
  /// Stable Diffusion: the model's own safety checker looks at each picture, this added to its scores, -1 to 1: above 0 it withholds more,
  /// below 0 less. Unset: it is off. A model without one does not load then.
  std::optional<double> safety;
};

/// A model that is loaded and draws. Holds no state of a call: generate() may run on several threads at once.
class TextToImage {
 public:
  virtual ~TextToImage() = default;

  /// Draws one picture. Throws UsageError for wishes the model cannot fulfil, Cancelled within a step of a stop request,
  /// Error that names the stage where numbers stop being finite.
  virtual GenerateResult generate(const GenerateParams& params, const ProgressFn& progress = {}, std::stop_token stop = {}) const = 0;

  /// Whether it can begin with a picture, hence draw one again at an `upscale`.
  virtual bool takes_pictures() const = 0;

  /// The precision that it runs in.
  virtual Precision precision() const = 0;
};

/// Loads a model: a folder, of whichever family its model_index.json names, or a .safetensors file that holds a whole Stable Diffusion.
/// Throws ModelError.
std::unique_ptr<TextToImage> load_text_to_image(const std::filesystem::path& model, const EngineOptions& options = {});

}  // namespace p2p::engine
