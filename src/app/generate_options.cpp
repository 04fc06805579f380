#include "app/generate_options.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <random>

#include "app/command_line.hpp"
#include "app/from_picture.hpp"
#include "app/model_finder.hpp"
#include "app/output_files.hpp"
#include "base/json.hpp"
#include "engine/image/read_image.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::app {
namespace {

constexpr std::string_view kWhole = "a whole number";

constexpr std::string_view kExamples =
    "Examples:\n"
    "  prompt2pic generate a fox on a blue background\n"
    "  prompt2pic generate \"сова на жёлтом фоне\" --seed 7 --output owl.png\n"
    "  prompt2pic generate \"red apple\" --count 4 --json\n"
    "  echo \"a penguin\" | prompt2pic generate -\n"
    "  prompt2pic generate --prompts list.txt --output out-%03d.webp\n"
    "Put a prompt that begins with a dash after --: prompt2pic generate --seed 1 -- --fox--\n";

/// CLI11 would split "[a, b]" and drop "{}" in a positional, so the prompt is what it leaves over.
std::string join_prompt(const std::vector<std::string>& words) {
  if (words.empty() || (words.size() == 1 && words[0] == "--")) {
    throw UsageError("say what to draw, such as: prompt2pic generate a fox on a blue background");
  }
  std::string prompt;
  bool first = true;
  bool options = true;
  for (const std::string& word : words) {
    if (options && word == "--") {
      options = false;
      continue;
    }
    if (options && word.size() > 1 && word[0] == '-' && word[1] != ' ' && !(word[1] >= '0' && word[1] <= '9')) {
      throw UsageError("there is no option " + word + "; put a prompt that begins with a dash last, after --");
    }
    prompt += (first ? "" : " ") + word;
    first = false;
  }
  return prompt;
}

std::string read_prompt() {
  constexpr std::size_t kMaxRead = 1u << 20;  // it may have no end
  std::string text;
  for (std::istreambuf_iterator<char> in(std::cin), end; in != end && text.size() <= kMaxRead; ++in) text += *in;
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) throw UsageError("standard input holds no prompt");
  return text;
}

std::uint64_t chosen_seed(const CLI::Option& option) {
  // 32 bits are enough to be different each time, and short enough to be typed again.
  if (option.count() == 0 || option.results().back() == "-1") return std::random_device{}();
  return *number<std::uint64_t>(option, 0, std::numeric_limits<std::uint64_t>::max(), "-1 (a random one) or a whole number");
}

std::uint64_t chosen_variation(const std::string& text) {
  if (const auto seed = parse_number<std::uint64_t>(text, 0, std::numeric_limits<std::uint64_t>::max())) return *seed;
  throw UsageError("--variation is '" + text + "'; it takes a seed, a whole number");
}

/// FILE or FILE:WEIGHT; the name of a file may have colons in it, too.
engine::Lora chosen_lora(const std::string& text) {
  engine::Lora lora{.file = text};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return lora;
  const auto weight = parse_number<double>(std::string_view(text).substr(colon + 1), -100, 100);
  if (!weight) return lora;
  return {.file = text.substr(0, colon), .weight = *weight};
}

std::optional<engine::Sampler> chosen_sampler(const CLI::Option& option) {
  if (option.count() == 0) return std::nullopt;
  const std::string& name = option.results().back();
  if (const auto sampler = engine::sampler_named(name)) return sampler;
  throw UsageError("--sampler: there is no sampler " + name + "; there are " + engine::sampler_names());
}

const CLI::Option* add_option(CLI::App& app, const char* name, const char* value, const std::string& description) {
  return app.add_option(name, description)->type_name(value);
}

/// An option that may be given several times, each time with one value.
const CLI::Option* add_list(CLI::App& app, const char* name, const char* value, const std::string& description) {
  return app.add_option(name, description)->type_name(value)->expected(1)->take_all();
}

const CLI::Option* add_flag(CLI::App& app, const char* name, const std::string& description) {
  return app.add_flag(name)->description(description);
}

/// The option's last value; empty if it was not given.
std::string text_of(const CLI::Option& option) { return option.count() > 0 ? option.results().back() : ""; }

std::vector<PromptLine> lines_of(const std::string& file) {
  if (file == "-") return read_prompts(std::cin, "standard input");
  std::ifstream in(file, std::ios::binary);
  std::error_code unreadable;
  if (!in || std::filesystem::is_directory(file, unreadable))
    throw UsageError("--prompts " + file + " cannot be read; it takes a file with a prompt in each line");
  return read_prompts(in, file);
}

/// What the picture shows.
struct PromptOptions {
  explicit PromptOptions(CLI::App& app)
      : prompt(add_option(app, "-p,--prompt", "TEXT", "The prompt, instead of words without an option.")),
        prompts(add_option(
            app, "--prompts", "FILE",
            "Draw each line of a file (- is standard input); empty lines and those that begin with # are left out. Pictures that are "
            "there already are skipped, so the same command goes on where it was stopped.")),
        negative(add_option(app, "-n,--negative", "TEXT", "What the picture should not show.")),
        from(add_option(
            app, "--from", "FILE",
            "Take the prompt and the parameters from a picture of prompt2pic or AUTOMATIC1111's web UI; other options override them.")),
        plain(add_flag(
            app, "--plain",
            "Take the prompt literally. By default AUTOMATIC1111's syntax counts: (word:1.2), [word], [from:to:0.5], [a|b], AND, BREAK.")),
        embeddings(
            add_list(app, "--embedding", "FILE", "A textual inversion, whose word prompts can then use (Stable Diffusion). Repeatable.")) {}

  /// Reads standard input where the prompt or the file is "-". `words` are those without an option.
  void read(const std::vector<std::string>& words, GenerateOptions& options) const {
    engine::GenerateParams& params = options.params;
    if (!words.empty() + prompt->count() + prompts->count() > 1)
      throw UsageError("the prompt is given twice: give one of words, --prompt and --prompts");
    if (prompts->count() > 0) {
      options.prompts = lines_of(text_of(*prompts));
    } else if (from->count() == 0 || prompt->count() > 0 || !words.empty()) {
      const std::string text = prompt->count() > 0 ? text_of(*prompt) : join_prompt(words);
      params.prompt = checked_text(text == "-" ? read_prompt() : text, "the prompt");
    }
    params.negative_prompt = checked_text(text_of(*negative), "--negative");
    params.plain = plain->count() > 0;
    for (const std::string& file : embeddings->results()) options.config.engine.embeddings.emplace_back(file);
  }

  /// Takes what other options leave open from the picture of --from.
  void take_from(GenerateOptions& options, bool seed_given) const {
    if (from->count() == 0) return;
    options.notes = take_from_picture(text_of(*from), options.params, seed_given, model_name(options.config.model));
    options.params.prompt = checked_text(options.params.prompt, "the prompt in " + text_of(*from));
    options.params.negative_prompt = checked_text(options.params.negative_prompt, "the negative prompt in " + text_of(*from));
  }

  const CLI::Option* prompt;
  const CLI::Option* prompts;
  const CLI::Option* negative;
  const CLI::Option* from;
  const CLI::Option* plain;
  const CLI::Option* embeddings;
};

/// How the picture is sampled.
struct SamplingOptions {
  explicit SamplingOptions(CLI::App& app)
      : seed(add_option(app, "-s,--seed", "N", "The same seed draws the same picture. Default, or -1: a random seed.")),
        guidance(add_option(app, "--guidance,--guidance-scale", "G",
                            "How closely the picture follows the prompt, 0 to 50. Values up to 1 turn guidance off.")),
        decoder_guidance(add_option(app, "--decoder-guidance", "G", "Guidance of the Wuerstchen decoder, 0 to 50.")),
        sampler(add_option(
            app, "--sampler", "NAME",
            "Sampler for Stable Diffusion: " + engine::sampler_names() + ". Noise levels may follow: " + engine::noise_schedule_suffixes() +
                ". AUTOMATIC1111's and ComfyUI's names work too; the nearest sampler draws for those that are not available.")),
        clip_skip(
            add_option(app, "--clip-skip", "N",
                       "Use the text encoder's layer N from the end: 1 is the last, 2 the one before (Stable Diffusion). Default: the "
                       "model's own.")),
        loras(add_list(app, "--lora", "FILE[:W]", "A LoRA with its weight, -100 to 100, default 1 (Stable Diffusion). Repeatable.")) {}

  void read(engine::GenerateParams& params) const {
    params.seed = chosen_seed(*seed);
    params.guidance = number(*guidance, 0.0, 50.0, "a number");
    params.decoder_guidance = number(*decoder_guidance, 0.0, 50.0, "a number");
    params.sampler = chosen_sampler(*sampler);
    params.clip_skip = number(*clip_skip, 1, 256, kWhole);
    std::ranges::transform(loras->results(), std::back_inserter(params.loras), chosen_lora);
  }

  const CLI::Option* seed;
  const CLI::Option* guidance;
  const CLI::Option* decoder_guidance;
  const CLI::Option* sampler;
  const CLI::Option* clip_skip;
  const CLI::Option* loras;
};

/// The picture's size, and pictures that are made from other pictures.
struct ImageOptions {
  explicit ImageOptions(CLI::App& app)
      : width(add_option(app, "-W,--width", "N", "Width in pixels, 16 to 8192. Default: the model's own.")),
        height(add_option(app, "-H,--height", "N", "Height in pixels, 16 to 8192. Default: the model's own.")),
        image(add_option(app, "--image", "FILE",
                         "A PNG, JPEG or WebP to start from (Stable Diffusion). Without --width and --height its size is kept.")),
        strength(add_option(app, "--strength", "S",
                            "How much of a picture to redraw, 0 to 1. Defaults: 0.8 with --image (SDXL: 0.3), 0.6 with --variation, 0.3 "
                            "with --upscale.")),
        variations(add_list(app, "--variation", "SEED",
                            "Redraw the picture of --seed with the noise of this seed, which gives a similar picture. Repeatable.")),
        upscale(add_option(app, "--upscale", "F", "Enlarge the picture, or --image, by 1 to 4 and redraw it at that size.")) {}

  void read(GenerateOptions& options) const {
    engine::GenerateParams& params = options.params;
    params.width = number(*width, 16, 8192, kWhole);
    params.height = number(*height, 16, 8192, kWhole);
    params.strength = number(*strength, 0.0, 1.0, "a number");
    params.upscale = number(*upscale, 1.0, 4.0, "a number");
    if (params.strength && image->count() + variations->count() + upscale->count() == 0)
      throw UsageError("--strength needs a picture to redraw; name one with --image, or add --variation or --upscale");
    std::ranges::transform(variations->results(), std::back_inserter(params.variations), chosen_variation);
    if (image->count() > 0) params.image = std::make_shared<const engine::Image>(engine::read_image(text_of(*image), &options.notices));
  }

  const CLI::Option* width;
  const CLI::Option* height;
  const CLI::Option* image;
  const CLI::Option* strength;
  const CLI::Option* variations;
  const CLI::Option* upscale;
};

/// Where pictures and reports go.
struct OutputOptions {
  explicit OutputOptions(CLI::App& app)
      : count(add_option(app, "--count", "N",
                         "Number of pictures, 1 to 1000. They use seed, seed+1, ... and are written to FILE-1.png, FILE-2.png, ...")),
        output(add_option(app, "-o,--output", "FILE",
                          "The PNG, JPEG or WebP to write or replace, by its extension; with a %d or %03d in the name the next free number "
                          "is used. Default: prompt2pic-SEED.png in the current folder.")),
        preview(add_option(app, "--preview", "FILE",
                           "Write the unfinished picture to this file after each step. Stable Diffusion: fast with --preview-vae taesd.")),
        json(add_flag(app, "--json", "Print the result as one line of JSON.")) {}

  void read(GenerateOptions& options) const {
    options.count = number(*count, 1, 1000, kWhole).value_or(1);
    options.output = text_of(*output);
    if (output->count() > 0 && options.output.empty()) throw UsageError("--output is empty; name a file");
    if (preview->count() > 0) options.preview = output_files(text_of(*preview), 0, 1).front();
    options.json = json->count() > 0;
  }

  const CLI::Option* count;
  const CLI::Option* output;
  const CLI::Option* preview;
  const CLI::Option* json;
};

}  // namespace

std::string checked_text(std::string text, const std::string& name) {
  if (text.size() > messages::kMaxPrompt) {
    throw UsageError(name + " has " + std::to_string(text.size()) + " bytes, and at most " + std::to_string(messages::kMaxPrompt) +
                     " are taken; models read the first 75 words or so");
  }
  const Json json(text);  // its writer detects invalid UTF-8
  if (json.dump(-1, ' ', false, Json::error_handler_t::ignore) != json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    throw UsageError(name + " is not UTF-8 text");
  }
  if (text.find('\0') != std::string::npos) throw UsageError(name + " has a zero byte in it");
  return text;
}

std::optional<GenerateOptions> parse_generate_options(const Arguments& arguments) {
  CLI::App app("Draws pictures from text. PROMPT is one text or several words; - reads it from standard input.",
               "prompt2pic generate PROMPT");
  app.allow_extras();
  app.footer(std::string(kExamples));
  const PromptOptions prompt_options(app);
  const SamplingOptions sampling_options(app);
  const ImageOptions image_options(app);
  const OutputOptions output_options(app);
  const SettingFlags setting_flags(
      app, {"model", "precision", "steps", "decoder_steps", "vae", "preview_vae", "vae_tiling", "safety", "threads"});
  if (!parse(app, arguments)) return std::nullopt;

  GenerateOptions options;
  sampling_options.read(options.params);
  image_options.read(options);
  output_options.read(options);
  options.config = setting_flags.load().config;
  options.params.steps = options.config.steps;
  options.params.decoder_steps = options.config.decoder_steps;
  prompt_options.read(app.remaining(), options);
  prompt_options.take_from(options, sampling_options.seed->count() > 0);
  return options;
}

}  // namespace p2p::app
