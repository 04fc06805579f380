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

/// A request that this worker holds. Guarded by the worker's mutex.
struct Task {
  enum class State { queued, drawing, drawn, over };
  enum class Stop { none, cancel, hand_back, too_long, drop };  ///< what to do when the drawing has stopped

  messages::Request request;
  std::string traceparent;
  int failed_attempts = 0;        ///< workers that crashed while drawing it
  std::atomic<int> dispatch = 1;  ///< of the message that brought it
  bus::TopicPartition partition;  ///< of that message; empty topic: the message was lost with its topic
  std::int64_t offset = 0;
  bool inherited = false;  ///< another member may have started it, which is why this one draws it
  bool owned = true;       ///< whether this member owns its partition; otherwise nothing may be published
  State state = State::queued;
  Stop stop = Stop::none;
  std::stop_source stop_drawing;
  Time started;
  double fraction = 0;  ///< of the drawing, 0 to 1
};
using TaskPtr = std::shared_ptr<Task>;

}  // namespace p2p::worker
