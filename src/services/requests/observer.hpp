#pragma once

#include "services/requests/state.hpp"

namespace p2p::requests {

/// Is told of every change of every request, in the order of their events. The calls come one at a time; they have to be quick and must
/// not call the Client.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void accepted(const RequestState& state) = 0;
  /// `change`: neither none nor rejected. `event`: what it came by.
  virtual void changed(const RequestState& state, Change change, const messages::Event& event) = 0;
  /// Somebody asks for the request's end.
  virtual void cancelling(const RequestState& state) = 0;
  /// An event of a request that is not known.
  virtual void unknown(const messages::Event& event) = 0;
};

}  // namespace p2p::requests
