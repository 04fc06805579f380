#pragma once

#include <set>
#include <string>
#include <vector>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/routing/router.hpp"

/// What Kafka shows of workers, in the router's words, and what the metrics tell of the router.
namespace p2p::routing {

/// The members of the workers' group and the models that each serves.
std::vector<Worker> workers_of(const bus::Bus::Group& group);

/// Takes the event of a request that another program sent.
void observe_others(Router& router, const messages::Event& event);

/// Sets the gauges of the queue, by model; `models`: those told of before, to which it adds.
void tell_depths(Metrics& metrics, const Router& router, std::set<std::string>& models, Time at);

}  // namespace p2p::routing
