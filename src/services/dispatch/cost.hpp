#pragma once

#include <map>
#include <string>

#include "platform/messages/messages.hpp"

namespace p2p::dispatch {

/// How dear requests are against one that leaves all to its model's defaults: by pixels, steps and pictures. A model's defaults are learnt
/// from what it drew; before that a size is held against 512x512 and steps against 30. Not thread-safe.
class Costs {
 public:
  /// Never below 0.1: each takes some time for itself.
  double of(const messages::Request& request) const;

  /// `finished`: the event that tells of the request's end.
  void learn(const messages::Request& request, const messages::Event& finished);

 private:
  struct Defaults {
    double pixels = 512.0 * 512;
    double steps = 30;
    double decoder_steps = 12;
  };
  std::map<std::string, Defaults> by_model_;
};

}  // namespace p2p::dispatch
