#pragma once

#include <memory>

#include "platform/bus/bus.hpp"
#include "platform/bus/kafka/kafka.hpp"
#include "platform/bus/kafka/topic_logs.hpp"

namespace p2p::bus {

/// Throws BusError.
std::unique_ptr<LogReader> kafka_log_reader(const KafkaConfig& config, const std::string& topic, const StartAt& start,
                                            std::shared_ptr<TopicLogs> logs);

}  // namespace p2p::bus
