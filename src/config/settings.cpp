#include "config/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.hpp"
#include "config/parse_number.hpp"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace p2p {
namespace {

bool read_steps(std::optional<int>& steps, const std::string& text) { return text.empty() || (steps = parse_number(text, 1, 1000)); }

bool read_precision(AppConfig& config, const std::string& text) {
  if (text == "f32") config.engine.precision = engine::Precision::f32;
  if (text == "bf16") config.engine.precision = engine::Precision::bf16;
  return text == "auto" || config.engine.precision;
}

bool read_threads(AppConfig& config, const std::string& text) {
  const auto threads = parse_number(text, 0, 1024);
  config.engine.threads = threads.value_or(0);
  return threads.has_value();
}

constexpr std::array kSettings{
    Setting{"model", "--model", "a model's name or folder", "emoji", "The model that draws: its name, or the folder it is in.",
            [](AppConfig& config, const std::string& text) { return !(config.model = text).empty(); }},
    Setting{"models_dir", "", "a folder that exists", "", "A folder of models, searched before the ones that came with prompt2pic.",
            [](AppConfig& config, const std::string& text) {
              config.models_dir = text;
              std::error_code unreadable;
              return text.empty() || std::filesystem::is_directory(text, unreadable);
            }},
    Setting{"precision", "--precision", "auto, f32 or bf16 (int8 comes in a later version)", "auto",
            "What the arithmetic is done in: auto takes bf16 where the processor has it, else f32.", read_precision},
    Setting{"steps", "--steps", "a whole number from 1 to 1000", "", "Equal steps of the prior; unset, the model's own schedule.",
            [](AppConfig& config, const std::string& text) { return read_steps(config.steps, text); }},
    Setting{"decoder_steps", "--decoder-steps", "a whole number from 1 to 1000", "", "Steps of the decoder; unset, the model's own number.",
            [](AppConfig& config, const std::string& text) { return read_steps(config.decoder_steps, text); }},
    Setting{"threads", "--threads", "a whole number from 0 to 1024", "0", "Processor threads to compute with; 0 takes all there are.",
            read_threads},
};

/// The file's values as text by name; what cannot be a setting goes to `problems`.
std::map<std::string, std::string, std::less<>> read_file(const std::filesystem::path& file, std::vector<std::string>& problems) {
  std::map<std::string, std::string, std::less<>> values;
  const toml::parse_result parsed = toml::parse_file(file.string());
  if (!parsed) {
    const auto& error = parsed.error();
    const auto line = error.source().begin.line;
    problems.push_back(file.string() + (line ? ", line " + std::to_string(line) : "") + ": " + std::string(error.description()));
    return values;
  }
  const auto complain = [&](const std::string& name, const std::string& text) { problems.push_back(file.string() + ": " + name + text); };
  std::string known;
  for (const Setting& setting : kSettings) known += (known.empty() ? "" : ", ") + std::string(setting.name);
  for (const auto& [key, node] : parsed.table()) {
    const std::string name(key.str());
    if (std::ranges::find(kSettings, name, &Setting::name) == kSettings.end()) {
      complain(name, " is no setting; there are " + known);
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

}  // namespace

std::string Setting::env() const {
  std::string env = "P2P_";
  for (const char c : name) env += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return env;
}

std::span<const Setting> settings() { return kSettings; }

LoadedConfig load_config(const SettingsSources& sources) {
  LoadedConfig loaded;
  std::vector<std::string> problems;
  std::map<std::string, std::string, std::less<>> in_file;
  if (sources.file) in_file = read_file(*sources.file, problems);

  for (const Setting& setting : kSettings) {
    LoadedConfig::Value value{std::string(setting.fallback), "default"};
    if (const auto flag = sources.flags.find(setting.name); flag != sources.flags.end()) {
      value = {flag->second, std::string(setting.flag)};
    } else if (const char* env = sources.environment ? sources.environment(setting.env().c_str()) : nullptr; env && *env) {
      value = {env, setting.env()};
    } else if (const auto line = in_file.find(setting.name); line != in_file.end()) {
      value = {line->second, sources.file->string()};
    }
    if (!setting.apply(loaded.config, value.text)) {
      const bool from_file = sources.file && value.source == sources.file->string();
      problems.push_back(value.source + (from_file ? ": " + std::string(setting.name) : "") + " is '" + value.text + "'; it takes " +
                         std::string(setting.expects));
    }
    loaded.values.push_back(std::move(value));
  }
  if (problems.empty()) return loaded;
  std::string message = problems.size() == 1 ? "" : std::to_string(problems.size()) + " settings are wrong:";
  for (const std::string& problem : problems) message += (problems.size() == 1 ? "" : "\n  ") + problem;
  throw UsageError(message);
}

}  // namespace p2p
