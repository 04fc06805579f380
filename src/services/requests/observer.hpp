#pragma once

#include "services/requests/state.hpp"

namespace p2p::requests {

/// Notified of every change of every request, in the order of their events. Calls are serialised; implementations must be quick and must
/// not call the Client.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void accepted(const RequestState& state) = 0;
  /// `change` is neither none nor rejected. `event` is its cause.
  virtual void changed(const RequestState& state, Change change, const messages::Event& event) = 0;
  /// A cancellation was requested.
  virtual void cancelling(const RequestState& state) = 0;
  /// An event of an unknown request.
  virtual void unknown(const messages::Event& event) = 0;
};

}  // namespace p2p::requests
