#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>

#include "app/file_hashes.hpp"
#include "app/generate_options.hpp"
#include "app/interrupts.hpp"
#include "app/model_folders.hpp"
#include "app/network_cache.hpp"
#include "app/output_files.hpp"
#include "app/peak_memory.hpp"
#include "app/progress_report.hpp"
#include "app/table.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "engine/pipelines/parameters.hpp"

namespace p2p::app {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The times of a run; stages are sums over its pictures.
struct Timing {
  double load = 0;
  std::vector<std::pair<std::string, double>> stages;  ///< in the order they run
  double encode = 0;
  double first_step = 0;
  double total = 0;

  void add(const std::vector<engine::StageTime>& times) {
    for (const engine::StageTime& time : times) {
      const std::string name(engine::name_of(time.stage));
      auto stage = std::ranges::find(stages, name, &std::pair<std::string, double>::first);
      if (stage == stages.end()) stage = stages.insert(stage, {name, 0.0});
      stage->second += time.seconds;
    }
  }
  Json json() const {
    Json seconds{{"load", load}, {"encode", encode}, {"first_step", first_step}, {"total", total}};
    for (const auto& [name, time] : stages) seconds[name] = time;
    return seconds;
  }
  std::string text() const {
    std::string line = "seconds: load " + decimal(load);
    for (const auto& [name, time] : stages) line += ", " + name + " " + decimal(time);
    return line + ", encode " + decimal(encode) + "; first step after " + decimal(first_step) + ", total " + decimal(total);
  }
};

/// "NAME: 0123456789ab, ...", as AUTOMATIC1111's web UI writes them.
std::string lora_hashes(const std::vector<engine::Lora>& loras, const std::filesystem::path& cache) {
  std::string text;
  for (const engine::Lora& lora : loras) {
    std::string name = lora.file.stem().string();
    std::erase_if(name, [](char c) { return c == ':' || c == ','; });
    const auto hash = file_hash(lora.file, HashedPart::tensors, cache);
    if (hash) text += (text.empty() ? "" : ", ") + name + ": " + hash->substr(0, 12);
  }
  return text;
}

}  // namespace

namespace {

/// What the pictures of a run have come to.
struct Drawn {
  struct Picture {
    std::filesystem::path file;
    std::uint64_t seed = 0;
    int width = 0;
    int height = 0;
  };
  struct Failure {
    std::size_t line = 0;
    std::string problem;
  };
  std::vector<Picture> pictures;
  std::vector<Failure> failures;                ///< of lines of --prompts
  std::vector<std::filesystem::path> skipped;   ///< which were there already
  std::optional<engine::SafetyVerdict> safety;  ///< the highest score of all pictures
};

void print_json(const Drawn& drawn, std::uint64_t seed, const Timing& timing, std::uint64_t peak, bool listed) {
  Json names = Json::array();
  for (const Drawn::Picture& picture : drawn.pictures) names.push_back(picture.file.string());
  Json line{{"files", names}, {"seed", seed}, {"seconds", timing.json()}, {"peak_anon_bytes", peak}};
  if (!drawn.pictures.empty()) line.update({{"width", drawn.pictures.back().width}, {"height", drawn.pictures.back().height}});
  if (listed) {
    line["skipped"] = Json::array();
    for (const auto& file : drawn.skipped) line["skipped"].push_back(file.string());
    line["failed"] = Json::array();
    for (const auto& [number, problem] : drawn.failures) line["failed"].push_back({{"line", number}, {"problem", problem}});
  }
  if (drawn.safety) line["safety"] = {{"flagged", drawn.safety->flagged}, {"score", drawn.safety->score}};
  std::cout << json_line(line) << '\n';
}

void print_text(const Drawn& drawn, const Timing& timing) {
  for (const auto& [file, seed, width, height] : drawn.pictures)
    std::cout << printable(file.string()) << "  " << width << "x" << height << ", seed " << seed << '\n';
  std::cout << timing.text() << '\n';
}

}  // namespace

int run_generate(const Arguments& arguments) {
  const Clock::time_point start = Clock::now();
  const auto options = parse_generate_options(arguments);
  if (!options) return 0;
  const std::uint64_t seed = options->params.seed;
  const bool listed = !options->prompts.empty();
  const int count = options->count * static_cast<int>(std::max<std::size_t>(options->prompts.size(), 1));
  auto files = listed ? listed_files(options->output, count) : output_files(options->output, seed, count);
  const std::filesystem::path folder = find_model(options->config);
  const std::string name = model_name(folder);

  Interrupts interrupts;
  PeakMemory memory;
  ProgressReport report(count);
  Timing timing;

  for (const std::string& note : options->notes) report.note(note);
  for (const Sentence& notice : options->notices) report.note(notice.text);
  const std::filesystem::path networks = networks_folder(options->config.cache_dir);
  const std::filesystem::path hashes = networks.empty() ? networks : networks / "hashes.json";
  engine::keep_networks_in(NetworkCache::open(networks));
  report.loading(name);
  const auto model = engine::load_text_to_image(folder, engine_options(options->config));
  timing.load = seconds_since(start);
  interrupts.finish_step_first();
  std::optional<BackgroundHash> model_hash;  // a picture that is drawn before it is known goes without
  if (std::filesystem::is_regular_file(folder)) model_hash.emplace(folder, HashedPart::all, hashes);

  bool previewed = false;
  const auto show = [&](const engine::Progress& progress) {
    report.show(progress);
    if (!options->preview || !progress.preview) return;
    write_file(*options->preview, encode_for(*options->preview, progress.preview(), ""));
    previewed = true;
  };
  engine::GenerateParams params = options->params;
  Drawn drawn;
  const auto draw = [&](std::size_t i) {
    const bool first = drawn.pictures.empty();
    if (first) timing.first_step = seconds_since(start);
    auto result = model->generate(params, show, interrupts.token());
    if (first) timing.first_step += result.first_step_seconds;
    timing.add(result.stages);
    for (const Sentence& notice : result.notices) report.note(notice.text);
    result.notices.insert(result.notices.begin(), options->notices.begin(), options->notices.end());

    const Clock::time_point encode_start = Clock::now();
    const std::string hash = model_hash ? model_hash->get().value_or("").substr(0, 10) : "";
    const std::string of_loras = lora_hashes(result.params.loras, hashes);
    const engine::Origin origin{.model = name,
                                .sampler = result.sampler,
                                .program = "prompt2pic " P2P_VERSION,
                                .precision = model->precision() == engine::Precision::bf16 ? "bf16" : "f32",
                                .notices = result.notices,
                                .model_hash = hash,
                                .lora_hashes = of_loras};
    const auto bytes = encode_for(files[i], result.image, engine::parameters_text(result.params, origin));
    if (listed) {
      if (!write_if_new(files[i], bytes)) return drawn.skipped.push_back(files[i]);  // another run was faster
    } else if (is_new_output(options->output)) {
      write_new_file(files, i, options->output, seed, bytes);
    } else {
      write_file(files[i], bytes);
    }
    timing.encode += seconds_since(encode_start);
    drawn.pictures.push_back({.file = files[i], .seed = params.seed, .width = result.image.width, .height = result.image.height});
    if (result.safety && (!drawn.safety || result.safety->score > drawn.safety->score)) drawn.safety = result.safety;
  };
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (interrupts.token().stop_requested()) throw Cancelled();
    params.seed = seed + i;
    report.next_picture();
    if (!listed) {
      draw(i);
      continue;
    }
    const PromptLine& prompt = options->prompts[i / static_cast<std::size_t>(options->count)];
    if (std::filesystem::exists(std::filesystem::symlink_status(files[i]))) {
      drawn.skipped.push_back(files[i]);
      continue;
    }
    try {
      params.prompt = checked_text(prompt.text, "the prompt");
      draw(i);
    } catch (const Cancelled&) {
      throw;
    } catch (const Error& error) {
      report.note("line " + std::to_string(prompt.line) + ": " + error.what());
      drawn.failures.push_back({.line = prompt.line, .problem = error.what()});
    }
  }
  if (!drawn.skipped.empty()) report.note(std::to_string(drawn.skipped.size()) + " pictures are there already and were skipped");
  if (options->preview && !previewed) report.note("there was nothing to preview: one step alone, or a model that shows none");
  report.finish();
  timing.total = seconds_since(start);

  if (options->json)
    print_json(drawn, seed, timing, memory.bytes(), listed);
  else
    print_text(drawn, timing);
  if (drawn.failures.empty()) return 0;
  report.note(std::to_string(drawn.failures.size()) + " of " + std::to_string(count) + " pictures could not be drawn");
  return 1;
}

}  // namespace p2p::app
