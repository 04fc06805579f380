#include "app/command_help.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "config/settings.hpp"
#include "engine/sampling/sampler.hpp"

namespace p2p::app {
namespace {

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(separator, from), text.size());
    parts.emplace_back(text.substr(from, end - from));
    from = end + separator.size();
  }
  return parts;
}

OptionHelp describe_option(const CLI::Option& option) {
  constexpr std::array<std::string_view, 4> kFiles{"FILE", "FILE[:W]", "DIR", "FOLDER"};
  OptionHelp help{.text = option.get_description()};
  for (const std::string& name : option.get_snames()) help.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) help.names.push_back("--" + name);
  if (option.get_expected_max() > 0) help.value = option.get_type_name();
  help.takes_file = std::ranges::find(kFiles, help.value) != kFiles.end();
  if (option.check_lname("sampler")) help.words = split(engine::sampler_names(), ", ");
  for (const Setting& setting : settings()) {
    if (setting.secret || !option.check_lname(setting.flag().substr(2)) || option.get_group() != kSettingsGroup) continue;
    help.words = words_of(setting.expects);
    help.takes_file = setting.expects.find("file") != setting.expects.npos || setting.expects.find("folder") != setting.expects.npos;
  }
  return help;
}

std::string option_text(const OptionHelp& option, std::size_t width) {
  constexpr std::size_t kColumn = 30;
  std::string line = "  ";
  for (const std::string& name : option.names) line += (line.size() > 2 ? ", " : "") + name;
  if (!option.value.empty()) line += " " + option.value;
  line += columns(line) + 2 > kColumn ? "\n" + std::string(kColumn, ' ') : std::string(kColumn - columns(line), ' ');
  return line + wrapped(option.text, width - std::min(width - 10, kColumn), kColumn) + "\n";
}

}  // namespace

std::vector<std::string> words_of(std::string_view expects) {
  expects = expects.substr(0, expects.find(" ("));
  const std::size_t last = expects.rfind(" or ");
  if (last == expects.npos) return {};
  std::vector<std::string> words = split(expects.substr(0, last), ", ");
  words.emplace_back(expects.substr(last + 4));
  const bool all =
      std::ranges::all_of(words, [](const std::string& word) { return !word.empty() && word.find_first_of(" :/") == word.npos; });
  return all ? words : std::vector<std::string>();
}

CommandHelp describe(const CLI::App& app) {
  CommandHelp help{.usage = app.get_name(), .text = app.get_description(), .footer = app.get_footer()};
  const std::vector<std::string> words = split(help.usage, " ");
  help.name = words.size() > 1 ? words[1] : words[0];
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty() || (option->get_snames().empty() && option->get_lnames().empty())) continue;
    (option->get_group() == kSettingsGroup ? help.settings : help.options).push_back(describe_option(*option));
  }
  return help;
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string result;
  std::size_t line = 0;
  for (const std::string& word : split(text, " ")) {
    const std::size_t size = columns(word);
    if (line > 0 && line + 1 + size > width) {
      result += "\n" + std::string(indent, ' ');
      line = 0;
    } else if (!result.empty()) {
      result += ' ';
      ++line;
    }
    result += word;
    line += size;
  }
  return result;
}

std::string help_text(const CommandHelp& help, std::size_t width) {
  std::string text = wrapped(help.text, width, 0) + "\n\nUsage: " + help.usage + " [OPTIONS]\n\nOptions:\n";
  for (const OptionHelp& option : help.options) text += option_text(option, width);
  if (!help.settings.empty()) text += "\nSettings, which can also be set in the environment (P2P_...) or in the file of --config:\n";
  for (const OptionHelp& option : help.settings) text += option_text(option, width);
  if (!help.footer.empty()) text += "\n";
  for (const std::string& line : split(std::string_view(help.footer).substr(0, help.footer.find_last_not_of('\n') + 1), "\n")) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    // Commands and tables are left as they are, to be copied.
    text += (indent == 0 ? wrapped(line, width, 0) : line) + "\n";
  }
  return text;
}

std::size_t help_width() {
  constexpr std::size_t kDefault = 100;
  constexpr std::size_t kMost = 120;
  constexpr std::size_t kLeast = 40;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefault;
  return std::clamp<std::size_t>(size.ws_col, kLeast, kMost);
}

}  // namespace p2p::app
