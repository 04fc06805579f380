#pragma once

#include "base/error.hpp"

namespace p2p::bus {

/// The brokers are unreachable or refuse. The message names the brokers, their answer and the setting to check.
class BusError : public Error {
 public:
  BusError(const std::string& text, bool may_pass) : Error(text), may_pass_(may_pass) {}
  /// Whether waiting may help; false for a refused password or permission.
  bool may_pass() const { return may_pass_; }

 private:
  bool may_pass_;
};

}  // namespace p2p::bus
