#pragma once

#include <chrono>
#include <stop_token>

namespace p2p {

/// Waits; false if `stop` came first.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace p2p
