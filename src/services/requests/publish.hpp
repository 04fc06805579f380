#pragma once

#include <string>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"

/// Messages about requests as they are sent.
namespace p2p::requests {

bus::Outgoing to_outgoing(const messages::Event& event, const std::string& traceparent);
/// With a new span of the trace.
bus::Outgoing to_outgoing(const messages::Control& control, const std::string& traceparent);

}  // namespace p2p::requests
