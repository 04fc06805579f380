#include "config/setting_users.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "config/settings.hpp"

namespace p2p {
namespace {

TEST(SettingUsers, EverySettingIsReadByAServiceOrAToolAlone) {
  constexpr std::array kTools{"cache_dir", "hub_url", "hub_token", "hub_proxy", "hub_ca_file"};
  for (const Setting& setting : settings()) {
    const bool used =
        uses_setting(Service::bot, setting.name) || uses_setting(Service::api, setting.name) || uses_setting(Service::worker, setting.name);
    EXPECT_NE(used, std::ranges::find(kTools, setting.name) != kTools.end()) << setting.name;
  }
}

TEST(SettingUsers, EachServiceHasItsOwn) {
  for (const auto& [name, bot, api, worker] : {std::tuple{"telegram_token", true, false, false},
                                               {"admins", true, false, false},
                                               {"api_keys", false, true, false},
                                               {"steps", false, false, true},
                                               {"kafka_brokers", true, true, true},
                                               {"s3_public_endpoint", true, true, false},
                                               {"http_listen", true, true, true},
                                               {"hub_url", false, false, false}}) {
    EXPECT_EQ(uses_setting(Service::bot, name), bot) << name;
    EXPECT_EQ(uses_setting(Service::api, name), api) << name;
    EXPECT_EQ(uses_setting(Service::worker, name), worker) << name;
  }
}

}  // namespace
}  // namespace p2p
