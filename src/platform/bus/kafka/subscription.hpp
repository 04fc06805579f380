#pragma once

#include <memory>

#include "platform/bus/bus.hpp"
#include "platform/bus/kafka/kafka.hpp"

namespace p2p::bus {

std::unique_ptr<Subscription> kafka_subscription(const KafkaConfig& config, const std::string& group,
                                                 const std::vector<std::string>& topics, Subscription::Events events);

}  // namespace p2p::bus
