#include <iostream>

#include "app/command_line.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "engine/image/picture_text.hpp"
#include "engine/pipelines/infotext.hpp"

namespace p2p::app {
namespace {

/// Further lines of a value begin below its first one.
std::string indented(std::string text, std::size_t width) {
  for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) text.insert(at + 1, width, ' ');
  return text;
}

}  // namespace

int run_info(const Arguments& arguments) {
  CLI::App app("Shows how a picture was made, if Prompt2Pic or AUTOMATIC1111's web UI wrote that into it.", "prompt2pic info");
  app.footer("Example:\n  prompt2pic info fox.png\n");
  const CLI::Option* file = app.add_option("FILE")->description("A PNG, JPEG or WebP.")->required();
  const CLI::Option* json = app.add_flag("--json")->description("Print a JSON object.");
  if (!parse(app, arguments)) return 0;
  const std::string name = file->results().back();
  const auto text = engine::read_parameters(name);
  if (!text) throw Error(name + ": the picture says nothing about how it was made");
  const engine::Infotext info = engine::parse_infotext(*text);

  if (json->count() > 0) {
    Json fields = Json::object();
    for (const auto& [key, value] : info.fields) fields[key] = value;
    std::cout << json_line({{"file", name}, {"prompt", info.prompt}, {"negative_prompt", info.negative_prompt}, {"parameters", fields}})
              << '\n';
    return 0;
  }
  std::vector<std::pair<std::string, std::string>> rows{{"Prompt", info.prompt}};
  if (!info.negative_prompt.empty()) rows.emplace_back("Negative prompt", info.negative_prompt);
  rows.insert(rows.end(), info.fields.begin(), info.fields.end());
  std::size_t width = 0;
  for (const auto& [key, value] : rows) width = std::max(width, key.size() + 2);
  for (const auto& [key, value] : rows)
    std::cout << printable(key) << std::string(width - key.size(), ' ') << printable(indented(value, width)) << '\n';
  return 0;
}

}  // namespace p2p::app
