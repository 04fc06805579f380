#include "config/settings.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "base/error.hpp"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace p2p {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

/// Whether the file may hold a value of this name: a setting's, or a secret's with _file at its end.
bool is_known(std::string_view name) {
  const auto matches = [&](const Setting& setting) {
    return name == setting.name || (setting.secret && name.starts_with(setting.name) && name.substr(setting.name.size()) == "_file");
  };
  return std::ranges::any_of(settings(), matches);
}

/// The file's values as text by name; what cannot be a setting goes to `problems`.
Values read_file(const std::filesystem::path& file, std::vector<std::string>& problems) {
  Values values;
  const toml::parse_result parsed = toml::parse_file(file.string());
  if (!parsed) {
    const auto& error = parsed.error();
    const auto line = error.source().begin.line;
    problems.push_back(file.string() + (line ? ", line " + std::to_string(line) : "") + ": " + std::string(error.description()));
    return values;
  }
  const auto complain = [&](const std::string& name, const std::string& text) { problems.push_back(file.string() + ": " + name + text); };
  for (const auto& [key, node] : parsed.table()) {
    const std::string name(key.str());
    if (!is_known(name)) {
      complain(name, " is no setting; prompt2pic config lists them");
    } else if (const auto text = node.value<std::string>()) {
      values[name] = *text;
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      values[name] = std::to_string(*number);
    } else {
      complain(name, " is neither a text in quotes nor a whole number");
    }
  }
  return values;
}

/// What stands in a secret's file, without the line end that editors leave.
std::optional<std::string> read_secret(const std::string& path) {
  constexpr std::size_t kMaxSecret = 65'536;
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxSecret, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.eof()) return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return std::nullopt;
  return text;
}

struct Found {
  std::string text;
  std::string source;
  std::string name;  ///< with which problems begin
};

/// The value of `name` (a setting's, or NAME_file) in the environment or the file.
std::optional<Found> look_up(const std::string& name, const SettingsSources& sources, const Values& in_file) {
  const std::string variable = Setting{name, {}, {}, {}, nullptr}.env();
  if (const char* value = sources.environment ? sources.environment(variable.c_str()) : nullptr; value && *value)
    return Found{value, variable, variable};
  const auto line = in_file.find(name);
  if (line == in_file.end()) return std::nullopt;
  return Found{line->second, sources.file->string(), sources.file->string() + ": " + name};
}

Found find_value(const Setting& setting, const SettingsSources& sources, const Values& in_file, std::vector<std::string>& problems) {
  const std::string name(setting.name);
  if (const auto flag = sources.flags.find(name); flag != sources.flags.end()) return {flag->second, setting.flag(), setting.flag()};
  const auto direct = look_up(name, sources, in_file);
  if (!setting.secret) return direct.value_or(Found{std::string(setting.fallback), "default", "default"});

  const auto path = look_up(name + "_file", sources, in_file);
  if (direct && path) problems.push_back(direct->name + " and " + path->name + " are both set; keep one");
  if (direct) return *direct;
  if (!path) return {std::string(setting.fallback), "default", "default"};
  const auto text = read_secret(path->text);
  if (!text)
    problems.push_back(path->name + " is '" + path->text + "', which cannot be read or is empty; it takes a file that holds " +
                       std::string(setting.expects));
  return {text.value_or(""), path->source, path->name};
}

}  // namespace

std::string Setting::env() const {
  std::string env = "P2P_";
  for (const char c : name) env += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return env;
}

std::string Setting::flag() const {
  if (secret) return "";
  std::string flag = "--" + std::string(name);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

LoadedConfig load_config(const SettingsSources& sources) {
  LoadedConfig loaded;
  std::vector<std::string> problems;
  Values in_file;
  if (sources.file) in_file = read_file(*sources.file, problems);

  for (const Setting& setting : settings()) {
    const Found found = find_value(setting, sources, in_file, problems);
    if (!setting.apply(loaded.config, found.text)) {
      problems.push_back(found.name + (setting.secret ? " is not right" : " is '" + found.text + "'") + "; it takes " +
                         std::string(setting.expects));
    }
    loaded.values.push_back({setting.secret && !found.text.empty() ? "(hidden)" : found.text, found.source});
  }
  if (problems.empty()) return loaded;
  std::string message = problems.size() == 1 ? "" : std::to_string(problems.size()) + " settings are wrong:";
  for (const std::string& problem : problems) message += (problems.size() == 1 ? "" : "\n  ") + problem;
  throw UsageError(message);
}

}  // namespace p2p
