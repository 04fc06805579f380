#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "services/worker/image_generator.hpp"

namespace p2p::worker {

/// A request that this worker holds. The worker's mutex guards it.
struct Task {
  enum class State { queued, drawing, drawn, over };
  enum class Stop { none, cancel, hand_back, too_long, drop };  ///< what to do when the drawing has stopped

  messages::Request request;
  std::string traceparent;
  int failed_attempts = 0;        ///< workers that died of it
  std::atomic<int> dispatch = 1;  ///< of the message by which it is here
  bus::TopicPartition place;      ///< that message's; no topic: it vanished
  std::int64_t offset = 0;
  bool owned = true;  ///< its partition is this member's: only then may anything be told of it
  State state = State::queued;
  Stop stop = Stop::none;
  std::stop_source stop_drawing;
  Time started;
  double fraction = 0;  ///< of the drawing, 0 to 1
};
using TaskPtr = std::shared_ptr<Task>;

}  // namespace p2p::worker
