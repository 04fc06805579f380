#pragma once

#include <memory>

#include "platform/bus/bus.hpp"
#include "platform/bus/kafka/kafka.hpp"
#include "platform/bus/kafka/topic_logs.hpp"

namespace p2p::bus {

std::unique_ptr<Subscription> kafka_subscription(const KafkaConfig& config, const std::string& group,
                                                 const std::vector<std::string>& topics, Subscription::Events events,
                                                 std::shared_ptr<TopicLogs> logs);

}  // namespace p2p::bus
