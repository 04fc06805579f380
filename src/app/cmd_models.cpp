#include <iostream>

#include "app/command_line.hpp"
#include "app/model_folders.hpp"
#include "app/table.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"

namespace p2p::app {
namespace {

Json json_of(const ModelInfo& model) {
  const auto text = [](const std::optional<std::string>& value) { return value ? Json(*value) : Json(); };
  if (!model.problem.empty()) return {{"name", model.name}, {"folder", model.folder.string()}, {"problem", model.problem}};
  return {{"name", model.name},
          {"title", {{"en", text(model.card.title_en)}, {"ru", text(model.card.title_ru)}}},
          {"family", model.family},
          {"folder", model.folder.string()},
          {"disk_bytes", model.disk_bytes},
          {"weights_bytes", {{"bf16", model.parameters * 2}, {"f32", model.parameters * 4}}},
          {"width", model.width},
          {"height", model.height},
          {"languages", model.card.languages},
          {"licence", text(model.card.licence)}};
}

}  // namespace

int run_models(const Arguments& arguments) {
  CLI::App app("Lists the installed models and their requirements.", "prompt2pic models");
  app.footer("Example:\n  P2P_MODELS_DIR=/data/models prompt2pic models\n");
  const CLI::Option* json = app.add_flag("--json")->description("Print a JSON array.");
  const SettingFlags flags(app, {});
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  const std::vector<ModelInfo> models = list_models(config);

  if (json->count() > 0) {
    Json list = Json::array();
    for (const ModelInfo& model : models) list.push_back(json_of(model));
    std::cout << json_line(list) << '\n';
    return 0;
  }
  if (models.empty()) {
    std::cout << "There is no model here. prompt2pic pull downloads some; P2P_MODELS_DIR names another folder of models.\n";
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"NAME", "TITLE", "FAMILY", "ON DISK", "MEMORY BF16", "F32", "PICTURE", "LICENCE"}};
  std::string problems;
  for (const ModelInfo& model : models) {
    if (!model.problem.empty()) {
      problems += "\n" + model.name + " cannot be used: " + model.problem + "\n";
      continue;
    }
    const std::string size = std::to_string(model.width) + "x" + std::to_string(model.height);
    const auto numbers = static_cast<double>(model.parameters);
    rows.push_back({model.name, model.card.title_en.value_or("-"), model.family, bytes_text(static_cast<double>(model.disk_bytes)),
                    bytes_text(2 * numbers), bytes_text(4 * numbers), size, model.card.licence.value_or("-")});
  }
  print_table(std::cout, rows);
  std::cout << "\nMemory is what the weights take in that precision; a run needs a little more.\n" << printable(problems);
  return 0;
}

}  // namespace p2p::app
