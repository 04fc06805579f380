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

/// What the settings come to, in the words of those who use them.
struct AppConfig {
  std::string model;                 ///< a name or a folder; for a worker a list of them with commas
  std::filesystem::path models_dir;  ///< empty: not set
  std::optional<int> steps;
  std::optional<int> decoder_steps;
  engine::EngineOptions engine;
  std::string cache_dir;  ///< of compiled networks; empty: the user's; "off"
  std::chrono::seconds draw_within{0};
  std::int64_t max_pixels = 0;
  std::chrono::milliseconds flat{0};  ///< how long the model `flat` takes

  hub::HubConfig hub;

  telegram::ApiConfig telegram;
  std::string webhook_url;  ///< empty: the bot polls
  Secret webhook_secret;

  bus::KafkaConfig kafka;

  blob::S3Config s3;  ///< an empty bucket: pictures go to data_dir
  std::chrono::seconds link_ttl{0};
  std::string public_url;
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
  Secret api_keys;  ///< with commas between; empty: none is asked for

  std::string http_listen;    ///< empty: the service's own default
  std::string health_listen;  ///< empty: the service's own default
  http::ServerLimits http;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
};

/// A row of the table of settings.
struct Setting {
  std::string_view name;      ///< in the TOML file; the environment has P2P_ and capitals
  std::string_view expects;   ///< ends the sentence "it takes ..."
  std::string_view fallback;  ///< empty: unset
  std::string_view sentence;
  bool (*apply)(AppConfig& config, const std::string& text);  ///< false: the text is not what the setting expects
  bool secret = false;  ///< never shown, on no command line; also from the file that NAME_file (P2P_NAME_FILE) names

  std::string env() const;
  std::string flag() const;  ///< empty for a secret
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
    std::string text;    ///< a secret's is "(hidden)" where it is set
    std::string source;  ///< the flag, the variable, the file, or "default"
  };
  AppConfig config;
  std::vector<Value> values;  ///< in the order of settings()
};

/// Flags before environment before file before defaults. Throws UsageError that lists everything that is wrong at once, secrets left out.
LoadedConfig load_config(const SettingsSources& sources);

}  // namespace p2p
