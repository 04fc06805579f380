#include "config/unknown_name.hpp"

#include <gmock/gmock.h>

#include "config/settings.hpp"

namespace p2p {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

TEST(UnknownVariables, SuggestNearestName) {
  const std::vector<std::string> names{
      "P2P_KAFKA_BROKER", "P2P_KAFKABROKERS", "P2P_TELEGRAM_TOKEN_FIEL", "P2P_MODEL_FILE", "P2P_", "P2P_SOMETHING_ELSE_ALTOGETHER"};
  EXPECT_THAT(unknown_variables(names), ElementsAre("P2P_KAFKA_BROKER is not a setting; did you mean P2P_KAFKA_BROKERS?",
                                                    "P2P_KAFKABROKERS is not a setting; did you mean P2P_KAFKA_BROKERS?",
                                                    "P2P_TELEGRAM_TOKEN_FIEL is not a setting; did you mean P2P_TELEGRAM_TOKEN_FILE?",
                                                    "P2P_MODEL_FILE is not a setting; prompt2pic config lists them",
                                                    "P2P_ is not a setting; prompt2pic config lists them",
                                                    "P2P_SOMETHING_ELSE_ALTOGETHER is not a setting; prompt2pic config lists them"));
  EXPECT_THAT(unknown_variables(std::vector{"P2P_" + std::string(1'000'000, 'A')}), ElementsAre(EndsWith("prompt2pic config lists them")));
}

TEST(UnknownVariables, IgnoreSettingsToolsAndOtherVariables) {
  std::vector<std::string> names{"PATH", "p2p_model", "P2P_BUILD_CACHE", "P2P_JOBS", "P2P_IMAGE", "P2P_BINARY", "P2P_SAMPLERS_GOLDEN"};
  for (const Setting& setting : settings()) {
    names.push_back(setting.env());
    if (setting.secret) names.push_back(setting.env() + "_FILE");
  }
  EXPECT_THAT(unknown_variables(names), ElementsAre());
}

}  // namespace
}  // namespace p2p
