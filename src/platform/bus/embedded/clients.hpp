#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/bus/embedded/broker.hpp"

/// What an embedded bus creates.
namespace p2p::bus::embedded {

std::unique_ptr<Producer> make_producer(std::shared_ptr<EmbeddedBroker> broker);
std::unique_ptr<Subscription> make_subscription(std::shared_ptr<EmbeddedBroker> broker, const std::string& client_id,
                                                const std::string& group, const std::vector<std::string>& topics,
                                                Subscription::Events events);
/// Throws BusError if there is no such topic, or it cannot be read.
std::unique_ptr<LogReader> make_log_reader(std::shared_ptr<EmbeddedBroker> broker, const std::string& topic, const StartAt& start);

}  // namespace p2p::bus::embedded
