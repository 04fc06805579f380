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

/// Sets the queue gauges by model. `models` collects the models that have gauges.
void set_depths(Metrics& metrics, const Dispatcher& dispatcher, std::set<std::string>& models, Time at);
/// Sets the gauges to 0, because another process is the leader.
void clear_depths(Metrics& metrics, const std::set<std::string>& models);

}  // namespace p2p::dispatch
