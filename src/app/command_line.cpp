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

thread_local DescribeOnly* active_description = nullptr;

/// Names that other programs have for settings.
std::string flags_of(const Setting& setting) { return setting.flag() + (setting.name == "steps" ? ",--num-inference-steps" : ""); }

std::string value_name(const Setting& setting) {
  std::string name;
  for (const std::string& word : words_of(setting.expects)) name += (name.empty() ? "" : "|") + word;
  if (!name.empty()) return name;
  const std::string_view expects = setting.expects;
  return expects.find("number") != expects.npos   ? "N"
         : expects.find("folder") != expects.npos ? "DIR"
         : expects.find("file") != expects.npos   ? "FILE"
                                                  : "TEXT";
}

/// What the help says about the value: what is taken and the default.
std::string help_of(const Setting& setting) {
  std::string text(setting.sentence);
  if (words_of(setting.expects).empty()) text += " Takes " + std::string(setting.expects) + ".";
  return text + (setting.fallback.empty() ? "" : " Default: " + std::string(setting.fallback) + ".");
}

std::string secrets_text(Service service) {
  std::string text = "Secrets, set in the environment alone; add _FILE to a name to have its value read from a file:\n";
  for (const Setting& setting : settings()) {
    if (setting.secret && uses_setting(service, setting.name)) text += "  " + setting.env() + "  " + std::string(setting.sentence) + "\n";
  }
  return text;
}

}  // namespace

bool parse(CLI::App& app, const Arguments& arguments) {
  app.set_help_flag();
  const CLI::Option* help = app.add_flag("-h,--help")->description("Print this help.");
  if (active_description != nullptr) {
    active_description->help = describe(app);
    return false;
  }

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
  std::cout << help_text(describe(app), help_width());
  return false;
}

DescribeOnly::DescribeOnly() { active_description = this; }
DescribeOnly::~DescribeOnly() { active_description = nullptr; }

SettingFlags::SettingFlags(CLI::App& app, Service service) {
  for (const Setting& setting : settings()) {
    if (setting.secret) continue;
    CLI::Option* const option = add(app, setting);
    if (!uses_setting(service, setting.name)) option->group("");  // taken, but not in the help
  }
  file_ = app.add_option("--config")->description(kFileHelp)->type_name("FILE");
  app.footer(secrets_text(service) + "\n" + app.get_footer());
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

CLI::Option* SettingFlags::add(CLI::App& app, const Setting& setting) {
  CLI::Option* const option = app.add_option(flags_of(setting));
  option->description(help_of(setting))->type_name(value_name(setting))->group(kSettingsGroup);
  flags_.emplace(setting.name, option);
  return option;
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
