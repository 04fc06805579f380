#pragma once

#include "base/error.hpp"

namespace p2p::bus {

/// The brokers cannot be reached or refuse. Says which brokers, what they answered and what to set.
class BusError : public Error {
 public:
  BusError(const std::string& text, bool may_pass) : Error(text), may_pass_(may_pass) {}
  /// Whether waiting may mend it; not so a refused password or permission.
  bool may_pass() const { return may_pass_; }

 private:
  bool may_pass_;
};

}  // namespace p2p::bus
