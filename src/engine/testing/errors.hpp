#pragma once

#include <functional>
#include <string>

namespace p2p::engine::golden {

/// The text of the E that `act` throws, or "no error".
template <typename E>
std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace p2p::engine::golden
