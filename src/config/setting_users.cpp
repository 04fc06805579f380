#include "config/setting_users.hpp"

#include <algorithm>
#include <array>

namespace p2p {
namespace {

constexpr unsigned kBot = 1u << static_cast<unsigned>(Service::bot);
constexpr unsigned kApi = 1u << static_cast<unsigned>(Service::api);
constexpr unsigned kWorker = 1u << static_cast<unsigned>(Service::worker);
constexpr unsigned kDoors = kBot | kApi;
constexpr unsigned kAll = kDoors | kWorker;

struct Users {
  std::string_view name;  ///< of a setting; of all that begin so if it ends with "_"
  unsigned services;
};

/// The first that matches counts; others are read by workers.
constexpr std::array kUsers{
    Users{"model", kAll},
    Users{"cache_dir", 0},
    Users{"hub_", 0},
    Users{"telegram_", kBot},
    Users{"kafka_", kAll},
    Users{"s3_public_endpoint", kDoors},
    Users{"s3_link_ttl", kDoors},
    Users{"s3_", kAll},
    Users{"public_url", kDoors},
    Users{"keep_days", kBot},
    Users{"privacy_contact", kBot},
    Users{"database_url", kBot},
    Users{"admins", kBot},
    Users{"allow", kBot},
    Users{"block", kBot},
    Users{"user_", kDoors},
    Users{"longest_wait", kDoors},
    Users{"api_", kApi},
    Users{"model_aliases", kApi},
    Users{"http_", kAll},
    Users{"health_listen", kAll},
    Users{"data_dir", kAll},
    Users{"log_", kAll},
};

}  // namespace

bool uses_setting(Service service, std::string_view setting) {
  const auto* const found = std::ranges::find_if(
      kUsers, [&](const Users& users) { return users.name.ends_with('_') ? setting.starts_with(users.name) : setting == users.name; });
  return ((found == kUsers.end() ? kWorker : found->services) >> static_cast<unsigned>(service) & 1u) != 0;
}

}  // namespace p2p
