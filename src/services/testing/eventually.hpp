#pragma once

#include <chrono>
#include <functional>

namespace p2p::testing {

/// Waits until `condition` holds; false on timeout. The condition is evaluated immediately and after each notify_changed(), without
/// any lock.
bool eventually(const std::function<bool()>& condition, std::chrono::seconds timeout = std::chrono::minutes(1));

/// Wakes eventually(). Test doubles call it after each change of their visible state, and whenever the code under test calls them, because
/// that code may have changed since. Thread-safe.
void notify_changed();

}  // namespace p2p::testing
