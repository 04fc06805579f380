#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p {

/// What the settings come to, in the words of those who use them.
struct AppConfig {
  std::string model;                 ///< a name or a folder
  std::filesystem::path models_dir;  ///< empty: not set
  std::optional<int> steps;
  std::optional<int> decoder_steps;
  engine::EngineOptions engine;
};

/// A row of the table of settings.
struct Setting {
  std::string_view name;      ///< in the TOML file; the environment has P2P_ and capitals
  std::string_view flag;      ///< empty: on no command line
  std::string_view expects;   ///< ends the sentence "it takes ..."
  std::string_view fallback;  ///< empty: unset
  std::string_view sentence;
  bool (*apply)(AppConfig& config, const std::string& text);  ///< false: the text is not what the setting expects

  std::string env() const;
};

/// Every setting there is.
std::span<const Setting> settings();

struct SettingsSources {
  std::map<std::string, std::string, std::less<>> flags;  ///< by the setting's name
  std::function<const char*(const char*)> environment;    ///< such as std::getenv; an empty variable is one that is not set
  std::optional<std::filesystem::path> file;              ///< TOML
};

struct LoadedConfig {
  struct Value {
    std::string text;
    std::string source;  ///< the flag, the variable, the file, or "default"
  };
  AppConfig config;
  std::vector<Value> values;  ///< in the order of settings()
};

/// Flags before environment before file before defaults. Throws UsageError that lists everything that is wrong at once.
LoadedConfig load_config(const SettingsSources& sources);

}  // namespace p2p
