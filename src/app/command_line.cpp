#include "app/command_line.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "base/log.hpp"
#include "config/unknown_name.hpp"

namespace p2p::app {
namespace {

constexpr const char* kFileHelp = "A TOML file of settings; see: prompt2pic config --help.";

}  // namespace

bool parse(CLI::App& app, const Arguments& arguments) {
  app.set_help_flag();
  const CLI::Option* help = app.add_flag("-h,--help")->description("Print this help.");
  app.get_formatter()->column_width(30);

  // CLI11 takes arguments in reverse order, and would use the word after "--negative=" as its value.
  std::vector<std::string> words;
  bool options = true;
  for (const std::string& word : arguments) {
    if (word == "--") options = false;
    if (options && word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1) {
      words.push_back(word.substr(0, word.size() - 1));
      words.emplace_back();
    } else {
      words.push_back(word);
    }
  }
  std::ranges::reverse(words);
  app.parse(std::move(words));
  if (help->count() == 0) return true;
  std::cout << app.help();
  return false;
}

SettingFlags::SettingFlags(CLI::App& app) {
  for (const Setting& setting : settings()) {
    if (!setting.secret) add(app, setting);
  }
  file_ = app.add_option("--config")->description(kFileHelp)->type_name("FILE");
}

SettingFlags::SettingFlags(CLI::App& app, std::initializer_list<std::string_view> names) {
  for (const Setting& setting : settings()) {
    if (std::ranges::find(names, setting.name) != names.end()) add(app, setting);
  }
  file_ = app.add_option("--config")->description(kFileHelp)->type_name("FILE");
}

void SettingFlags::add(CLI::App& app, const Setting& setting) {
  flags_.emplace(setting.name, app.add_option(setting.flag())->description(std::string(setting.sentence))->type_name("VALUE"));
}

LoadedConfig SettingFlags::load() const {
  SettingsSources sources{.flags = {}, .environment = [](const char* name) -> const char* { return std::getenv(name); }, .file = {}};
  for (const auto& [name, option] : flags_) {
    if (option->count() > 0) sources.flags[name] = option->results().back();
  }
  if (file_->count() > 0) sources.file = file_->results().back();
  LoadedConfig loaded = load_config(sources);
  log::configure(loaded.config.log_level, loaded.config.log_format);
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    variables.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& sentence : unknown_variables(variables)) log::warn(sentence);
  return loaded;
}

}  // namespace p2p::app
