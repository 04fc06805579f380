#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/secret.hpp"
#include "platform/bus/bus.hpp"

namespace p2p::bus {

struct KafkaConfig {
  std::string brokers;  ///< host:port,host:port
  std::string client_id = "prompt2pic";
  std::string security_protocol = "plaintext";  ///< plaintext, ssl, sasl_plaintext, sasl_ssl
  std::string sasl_mechanism;                   ///< PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
  std::string username;
  Secret password;
  std::string ca_file;             ///< PEM; empty: the system's
  std::optional<int> replication;  ///< unset: three with three brokers or more, otherwise the brokers' default
};

/// A bus on Apache Kafka by librdkafka (2.6.1 or later, for SCRAM with Kafka 4). Connects in the background, so unreachable brokers are not
/// an error here. Throws UsageError for a configuration that librdkafka refuses.
std::unique_ptr<Bus> kafka_bus(const KafkaConfig& config);

}  // namespace p2p::bus
