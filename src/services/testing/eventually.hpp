#pragma once

#include <chrono>
#include <functional>

namespace p2p::testing {

/// Waits until `condition` holds; false if it does not within `timeout`. It is evaluated at once and after each notify_changed(), without
/// any lock.
bool eventually(const std::function<bool()>& condition, std::chrono::seconds timeout = std::chrono::minutes(1));

/// Wakes eventually(). Test doubles call it after each change of what they show, and whenever the code under test calls them: it may have
/// changed itself since its last call. Thread-safe.
void notify_changed();

}  // namespace p2p::testing
