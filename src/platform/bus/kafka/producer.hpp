#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "platform/bus/bus.hpp"
#include "platform/bus/kafka/client.hpp"
#include "platform/bus/kafka/kafka.hpp"

namespace p2p::bus {

/// `expiry`: see Bus::producer(). `on_client` is for tests: called with each librdkafka client that is created, first here and, after fatal
/// errors, from another thread.
std::unique_ptr<Producer> kafka_producer(const KafkaConfig& config, std::chrono::milliseconds expiry = {},
                                         std::function<void(rd_kafka_t*)> on_client = {});

}  // namespace p2p::bus
