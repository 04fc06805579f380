#include <algorithm>
#include <iostream>

#include "app/bench_service.hpp"
#include "app/command_line.hpp"
#include "app/interrupts.hpp"
#include "app/model_folders.hpp"
#include "app/table.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "engine/graph/peak.hpp"
#include "engine/graph/threads.hpp"

namespace p2p::app {
namespace {

/// Median; of three or more values without the first, which includes page faults.
double typical(std::vector<double> seconds) {
  if (seconds.size() >= 3) seconds.erase(seconds.begin());
  if (seconds.empty()) return 0;
  std::ranges::sort(seconds);
  return (seconds[(seconds.size() - 1) / 2] + seconds[seconds.size() / 2]) / 2;
}

}  // namespace

int run_bench(const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "service") return run_bench_service({arguments.begin() + 1, arguments.end()});
  CLI::App app("Measures the peak speed of this machine and the share of it that each stage reaches.", "prompt2pic bench");
  app.footer(
      "Example:\n  prompt2pic bench --model emoji --precision f32\nThe queue and the storage are measured by: prompt2pic bench service\n");
  const CLI::Option* width = app.add_option("--width", "Pixels; without it the model's own.")->type_name("N");
  const CLI::Option* height = app.add_option("--height", "Pixels; without it the model's own.")->type_name("N");
  const CLI::Option* steps = app.add_option("--steps", "Steps of the prior that are measured (4).")->type_name("N");
  const CLI::Option* decoder_steps = app.add_option("--decoder-steps", "Steps of the decoder that are measured (4).")->type_name("N");
  const CLI::Option* json = app.add_flag("--json")->description("Print one line of JSON.");
  const SettingFlags flags(app, {"model", "precision", "threads"});
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  const std::string_view whole = "a whole number";
  const engine::GenerateParams params{.prompt = "a fox on a blue background",
                                      .negative_prompt = {},
                                      .seed = 1,
                                      .width = number(*width, 16, 8192, whole),
                                      .height = number(*height, 16, 8192, whole),
                                      .steps = number(*steps, 1, 1000, whole).value_or(4),
                                      .guidance = {},
                                      .decoder_steps = number(*decoder_steps, 1, 1000, whole).value_or(4),
                                      .decoder_guidance = {}};
  const std::filesystem::path folder = find_model(config);

  Interrupts interrupts;
  std::cerr << "measuring the machine's peak\n";
  const engine::PeakGops peak = engine::measure_peak(engine::threads_within_quota(config.engine.threads));
  std::cerr << "loading " << printable(model_name(folder)) << '\n';
  const auto model = engine::load_text_to_image(folder, engine_options(config));
  const bool bf16 = model->precision() == engine::Precision::bf16;
  const double reachable = bf16 ? peak.bf16 : peak.f32;
  interrupts.finish_step_first();
  const auto result = model->generate(params, {}, interrupts.token());

  Json stages = Json::array();
  std::vector<std::vector<std::string>> rows{{"STAGE", "SECONDS/STEP", "GOPS", "SHARE"}};
  for (const engine::StageTime& stage : result.stages) {
    const std::string name(engine::name_of(stage.stage));
    const double seconds = typical(stage.step_seconds);
    const double gops = seconds > 0 ? 2 * stage.multiply_adds / seconds / 1e9 : 0;
    const double share = reachable > 0 ? gops / reachable : 0;
    stages.push_back({{"name", name}, {"seconds_per_step", seconds}, {"gops", gops}, {"share", share}});
    rows.push_back({name, decimal(seconds, 4), decimal(gops, 0), decimal(100 * share, 0) + " %"});
  }
  if (json->count() > 0) {
    const Json line{{"peak_gops", {{"f32", peak.f32}, {"bf16", peak.bf16}, {"int8", peak.int8}}}, {"stages", stages}};
    std::cout << json_line(line) << '\n';
    return 0;
  }
  std::cout << "peak: f32 " << decimal(peak.f32, 0) << ", bf16 " << decimal(peak.bf16, 0) << ", int8 " << decimal(peak.int8, 0)
            << " billion operations a second\n"
            << printable(model_name(folder)) << ", " << result.image.width << "x" << result.image.height << ", " << (bf16 ? "bf16" : "f32")
            << ":\n";
  print_table(std::cout, rows);
  std::cout << "SHARE is how much of the machine's " << (bf16 ? "bf16" : "f32")
            << " peak, measured just now with one large matrix product, the stage's own arithmetic reaches.\n";
  return 0;
}

}  // namespace p2p::app
