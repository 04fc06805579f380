#pragma once

#include <memory>

#include "platform/bus/bus.hpp"
#include "platform/bus/kafka/kafka.hpp"

namespace p2p::bus {

std::unique_ptr<Producer> kafka_producer(const KafkaConfig& config);

}  // namespace p2p::bus
