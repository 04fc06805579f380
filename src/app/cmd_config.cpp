#include <iostream>

#include "app/command_line.hpp"
#include "app/table.hpp"
#include "base/json.hpp"

namespace p2p::app {

int run_config(const Arguments& arguments) {
  CLI::App app("Shows every setting with its value, source and description.", "prompt2pic config");
  app.footer(
      "Flags override environment variables, which override the file of --config:\n"
      "  model = \"emoji\"\n"
      "  steps = 20\n"
      "Secrets have no flags. A secret can be read from a file, whose path is set by its name with _FILE (in the file: _file):\n"
      "  P2P_TELEGRAM_TOKEN_FILE=/run/secrets/telegram_token\n"
      "Example:\n  P2P_STEPS=12 prompt2pic config --config prompt2pic.toml\n");
  const CLI::Option* json = app.add_flag("--json")->description("Print a JSON array.");
  const SettingFlags flags(app);
  if (!parse(app, arguments)) return 0;
  const LoadedConfig loaded = flags.load();

  Json list = Json::array();
  std::vector<std::vector<std::string>> rows{{"SETTING", "VALUE", "SOURCE", "IN A FILE", "WHAT IT IS"}};
  for (std::size_t i = 0; i < settings().size(); ++i) {
    const Setting& setting = settings()[i];
    const LoadedConfig::Value& value = loaded.values[i];
    rows.push_back(
        {setting.env(), value.text.empty() ? "-" : value.text, value.source, std::string(setting.name), std::string(setting.sentence)});
    list.push_back({{"name", setting.name},
                    {"env", setting.env()},
                    {"flag", setting.secret ? Json() : Json(setting.flag())},
                    {"secret", setting.secret},
                    {"value", value.text},
                    {"default", setting.fallback},
                    {"source", value.source},
                    {"takes", setting.expects},
                    {"sentence", setting.sentence}});
  }
  if (json->count() > 0) {
    std::cout << json_line(list) << '\n';
  } else {
    print_table(std::cout, rows);
  }
  return 0;
}

}  // namespace p2p::app
