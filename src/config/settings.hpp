#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/secret.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/bus/kafka/kafka.hpp"
#include "platform/http/server.hpp"
#include "platform/hub/hub.hpp"
#include "platform/telegram/api.hpp"

namespace p2p {

/// The configuration, in the types of the components that use it.
struct AppConfig {
  std::string model;                 ///< a name or a folder; for a worker a comma-separated list
  std::filesystem::path models_dir;  ///< empty: not set
  std::optional<int> steps;
  std::optional<int> decoder_steps;
  engine::EngineOptions engine;
  std::string cache_dir;  ///< cache of compiled networks; empty: the user's cache folder; "off": none
  std::chrono::seconds draw_within{0};
  std::int64_t max_pixels = 0;
  std::chrono::milliseconds flat{0};  ///< duration of a drawing of the model `flat`
  bool previews = true;               ///< whether a worker stores them

  hub::HubConfig hub;

  telegram::ApiConfig telegram;
  std::string webhook_url;  ///< empty: the bot polls
  Secret webhook_secret;

  bus::KafkaConfig kafka;

  blob::S3Config s3;  ///< an empty bucket: pictures go to data_dir
  std::chrono::seconds link_ttl{0};
  std::string public_url;
  std::string privacy_contact;
  std::optional<int> keep_days;

  Secret database_url;  ///< empty: prompt2pic.db in data_dir
  std::filesystem::path data_dir;

  std::set<std::int64_t> admins;
  std::set<std::int64_t> allow;  ///< empty: everyone
  std::set<std::int64_t> block;
  int user_in_flight = 0;
  int user_queue = 0;
  std::chrono::seconds longest_wait{0};
  std::optional<int> user_per_day;
  std::chrono::seconds api_wait{0};
  bool api_page = false;
  bool api_strict = false;
  std::string model_aliases;
  Secret api_keys;  ///< comma-separated; empty: no key is required

  std::string http_listen;    ///< empty: the service's own default
  std::string health_listen;  ///< empty: the service's own default
  http::ServerLimits http;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
};

/// A setting. See settings_table.cpp.
struct Setting {
  std::string_view name;      ///< in the TOML file; in the environment P2P_ and upper case
  std::string_view expects;   ///< completes the sentence "it takes ..."
  std::string_view fallback;  ///< empty: unset
  std::string_view sentence;
  bool (*apply)(AppConfig& config, const std::string& text);  ///< false: the text is invalid
  bool secret = false;  ///< never shown, and not accepted on the command line; may be in the file named by NAME_file (P2P_NAME_FILE)

  std::string env() const;
  std::string flag() const;  ///< empty for a secret
};

/// All settings.
std::span<const Setting> settings();

struct SettingsSources {
  std::map<std::string, std::string, std::less<>> flags;  ///< by the setting's name
  std::function<const char*(const char*)> environment;    ///< such as std::getenv; an empty variable counts as not set
  std::optional<std::filesystem::path> file;              ///< TOML
};

struct LoadedConfig {
  struct Value {
    std::string text;    ///< "(hidden)" for a secret that is set
    std::string source;  ///< the flag, the variable, the file, or "default"
  };
  AppConfig config;
  std::vector<Value> values;  ///< in the order of settings()
};

/// Flags override the environment, then the file, then the defaults. Throws UsageError that lists all problems, without secrets.
LoadedConfig load_config(const SettingsSources& sources);

}  // namespace p2p
