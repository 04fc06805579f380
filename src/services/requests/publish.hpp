#pragma once

#include <string>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"

/// Conversion of messages about requests to bus messages.
namespace p2p::requests {

bus::Outgoing to_outgoing(const messages::Event& event, const std::string& traceparent);
/// Adds a new span of the trace.
bus::Outgoing to_outgoing(const messages::Control& control, const std::string& traceparent);

}  // namespace p2p::requests
