#pragma once

#include <set>
#include <string>
#include <vector>

#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/dispatch/dispatcher.hpp"

namespace p2p::dispatch {

/// The members of the workers' group and the models that each serves.
std::vector<Worker> workers_of(const bus::Bus::Group& group);

/// Sets the gauges of the queue, by model; `models`: those that have gauges already, to which it adds.
void set_depths(Metrics& metrics, const Dispatcher& dispatcher, std::set<std::string>& models, Time at);
/// Sets them to 0: another process has them now.
void clear_depths(Metrics& metrics, const std::set<std::string>& models);

}  // namespace p2p::dispatch
