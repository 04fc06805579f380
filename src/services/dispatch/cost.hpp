#pragma once

#include <map>
#include <string>

#include "platform/messages/messages.hpp"

namespace p2p::dispatch {

/// The cost of requests by pixels, steps and pictures, relative to a request with its model's defaults. The defaults are learnt from
/// finished requests; until then 512x512 pixels and 30 steps are assumed. Not thread-safe.
class Costs {
 public:
  /// At least 0.1, for the fixed overhead of a request.
  double of(const messages::Request& request) const;

  /// Learns the model's defaults from the end of a request.
  void learn(const messages::Request& request, const messages::Finished& finished);

 private:
  struct Defaults {
    double pixels = 512.0 * 512;
    double steps = 30;
    double decoder_steps = 12;
  };
  std::map<std::string, Defaults> by_model_;
};

}  // namespace p2p::dispatch
