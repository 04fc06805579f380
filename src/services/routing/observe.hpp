#pragma once

#include <vector>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "services/routing/router.hpp"

/// What Kafka shows of workers, in the router's words.
namespace p2p::routing {

/// The members of the workers' group and the models that each serves.
std::vector<Worker> workers_of(const bus::Bus::Group& group);

/// Takes the event of a request that another program sent.
void observe_others(Router& router, const messages::Event& event);

}  // namespace p2p::routing
