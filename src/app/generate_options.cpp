#include "app/generate_options.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <limits>
#include <random>

#include "app/command_line.hpp"
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
    "A prompt that begins with a dash goes last, after two: prompt2pic generate --seed 1 -- --fox--\n";

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
      throw UsageError("there is no option " + word + "; a prompt that begins with a dash goes last, after --");
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

std::string checked_text(std::string text, const std::string& name) {
  if (text.size() > messages::kMaxPrompt) {
    throw UsageError(name + " has " + std::to_string(text.size()) + " bytes, and at most " + std::to_string(messages::kMaxPrompt) +
                     " are taken; models read the first 75 words or so");
  }
  const Json json(text);  // whose writer knows UTF-8: what is not can be left out or replaced
  if (json.dump(-1, ' ', false, Json::error_handler_t::ignore) != json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    throw UsageError(name + " is not UTF-8 text");
  }
  if (text.find('\0') != std::string::npos) throw UsageError(name + " has a zero byte in it");
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

}  // namespace

std::optional<GenerateOptions> parse_generate_options(const Arguments& arguments) {
  CLI::App app("Draws pictures from words. PROMPT is one text or several words; - reads it from standard input.",
               "prompt2pic generate PROMPT");
  app.allow_extras();
  app.footer(std::string(kExamples));
  const auto add = [&](const char* name, const char* value, const std::string& sentence) -> const CLI::Option* {
    return app.add_option(name, sentence)->type_name(value);
  };
  const CLI::Option* negative = add("--negative", "TEXT", "What the picture should not have.");
  const CLI::Option* seed = add("--seed", "N", "The same seed draws the same picture; without it, or with -1, a random one.");
  const CLI::Option* guidance = add("--guidance", "G", "How closely the picture follows the prompt, 0 to 50; on above 1.");
  const CLI::Option* decoder_guidance = add("--decoder-guidance", "G", "The same for the decoder of Wuerstchen.");
  const CLI::Option* sampler = add("--sampler", "NAME", "Of Stable Diffusion: " + engine::sampler_names() + ", or AUTOMATIC1111's name.");
  const CLI::Option* embeddings =
      app.add_option("--embedding", "A word of textual inversion that prompts may use (Stable Diffusion); may be given again.")
          ->type_name("FILE")
          ->expected(1)
          ->take_all();
  const CLI::Option* lora = app.add_option("--lora", "A LoRA for Stable Diffusion, with its weight, -100 to 100; several add up.")
                                ->type_name("FILE[:W]")
                                ->expected(1)
                                ->take_all();
  const CLI::Option* width = add("--width", "N", "Pixels, 16 to 8192; without it the model's own.");
  const CLI::Option* height = add("--height", "N", "Pixels, 16 to 8192; without it the model's own.");
  const CLI::Option* image =
      add("--image", "FILE", "A PNG or JPEG to begin with (Stable Diffusion); its size is the picture's unless named.");
  const CLI::Option* strength =
      add("--strength", "S",
          "How much is drawn anew, 0 to 1: of --image 0.8 (SDXL 0.3), for --variation 0.6, with --upscale 0.3 unless named.");
  const CLI::Option* variations =
      app.add_option("--variation", "A picture near that of --seed: drawn again from it with this seed's noise; may be given again.")
          ->type_name("SEED")
          ->expected(1)
          ->take_all();
  const CLI::Option* upscale = add("--upscale", "F", "Draws the picture, or takes --image, and draws it again F times as large, 1 to 4.");
  const CLI::Option* count = add("--count", "N", "Pictures, 1 to 1000: with seed, seed+1, ... to FILE-1.png, FILE-2.png, ...");
  const CLI::Option* output = add("--output", "FILE", "A PNG, replaced if it exists; without it prompt2pic-SEED.png in this folder.");
  const CLI::Option* preview = add(
      "--preview", "FILE", "Writes the picture as it is so far there after each step (Stable Diffusion); quick with --preview-vae taesd.");
  const CLI::Option* json = app.add_flag("--json")->description("Print one line of JSON.");
  const CLI::Option* plain =
      app.add_flag("--plain")->description("Take the prompt literally; without it (word:1.2), [word] and BREAK weigh words.");
  const SettingFlags setting_flags(
      app, {"model", "precision", "steps", "decoder_steps", "vae", "preview_vae", "vae_tiling", "safety", "threads"});
  if (!parse(app, arguments)) return std::nullopt;

  GenerateOptions options;
  engine::GenerateParams& params = options.params;
  params.prompt = join_prompt(app.remaining());
  params.width = number(*width, 16, 8192, kWhole);
  params.height = number(*height, 16, 8192, kWhole);
  params.guidance = number(*guidance, 0.0, 50.0, "a number");
  params.decoder_guidance = number(*decoder_guidance, 0.0, 50.0, "a number");
  params.sampler = chosen_sampler(*sampler);
  params.strength = number(*strength, 0.0, 1.0, "a number");
  params.upscale = number(*upscale, 1.0, 4.0, "a number");
  if (params.strength && image->count() + variations->count() + upscale->count() == 0)
    throw UsageError("--strength says how much of a picture is drawn anew; name one with --image, or add --variation or --upscale");
  std::ranges::transform(variations->results(), std::back_inserter(params.variations), chosen_variation);
  if (image->count() > 0) params.image = std::make_shared<const engine::Image>(engine::read_image(image->results().back()));
  if (lora->count() > 0) std::ranges::transform(lora->results(), std::back_inserter(params.loras), chosen_lora);
  params.plain = plain->count() > 0;
  params.seed = chosen_seed(*seed);
  options.count = number(*count, 1, 1000, kWhole).value_or(1);
  if (output->count() > 0) options.output = output->results().back();
  if (output->count() > 0 && options.output.empty()) throw UsageError("--output is empty; name a file");
  if (preview->count() > 0) options.preview = output_files(preview->results().back(), 0, 1).front();
  options.json = json->count() > 0;
  options.config = setting_flags.load().config;
  for (const std::string& file : embeddings->results()) options.config.engine.embeddings.emplace_back(file);
  params.steps = options.config.steps;
  params.decoder_steps = options.config.decoder_steps;
  if (params.prompt == "-") params.prompt = read_prompt();
  params.prompt = checked_text(params.prompt, "the prompt");
  if (negative->count() > 0) params.negative_prompt = checked_text(negative->results().back(), "--negative");
  return options;
}

}  // namespace p2p::app
