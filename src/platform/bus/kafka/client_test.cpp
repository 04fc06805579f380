#include "platform/bus/kafka/client.hpp"

#include <gmock/gmock.h>

namespace p2p::bus {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

KafkaConfig config() {
  return {.brokers = "127.0.0.1:1",
          .security_protocol = "sasl_plaintext",
          .sasl_mechanism = "SCRAM-SHA-512",
          .username = "bot",
          .password = Secret("geheim")};
}

TEST(KafkaClient, InvalidConfigurationIsUsageError) {
  KafkaConfig wrong = config();
  wrong.security_protocol = "telnet";
  EXPECT_THROW(kafka_bus(wrong), UsageError);
  wrong = config();
  wrong.security_protocol = "ssl";
  wrong.ca_file = "/no/such/file.pem";
  EXPECT_THROW(kafka_bus(wrong), UsageError);
}

TEST(KafkaClient, ErrorsNameSettingAndHidePassword) {
  const BusError wrong = bus_error(config(), "x", RD_KAFKA_RESP_ERR__TRANSPORT, "timed out", "SASL authentication failed for bot");
  EXPECT_THAT(wrong.what(), HasSubstr("P2P_KAFKA_PASSWORD"));
  EXPECT_THAT(wrong.what(), Not(HasSubstr("geheim")));
  EXPECT_THAT(bus_error(config(), "x", RD_KAFKA_RESP_ERR__SSL, "SSL handshake failed").what(), HasSubstr("P2P_KAFKA_CA_FILE"));
  EXPECT_FALSE(bus_error(config(), "x", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "denied").may_pass());
  EXPECT_TRUE(bus_error(config(), "x", RD_KAFKA_RESP_ERR__TRANSPORT, "refused").may_pass());
}

TEST(KafkaClient, ReportsWrongClock) {
  EXPECT_THAT(words_of(RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP), HasSubstr("clock"));
  EXPECT_EQ(words_of(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), rd_kafka_err2str(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE));
}

TEST(KafkaClient, ReportsReasonWhenNobodyAnswers) {
  const auto bus = kafka_bus({.brokers = "127.0.0.1:1"});
  try {
    bus->brokers(std::chrono::milliseconds(400));
    FAIL();
  } catch (const BusError& error) {
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:1"));
    EXPECT_THAT(error.what(), HasSubstr("Connection refused"));
    EXPECT_TRUE(error.may_pass());
  }
}

}  // namespace
}  // namespace p2p::bus
