#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "platform/messages/messages.hpp"

namespace p2p::requests {

/// A request and its state, derived from the events in Kafka.
struct RequestState {
  enum class Status { queued, drawing, finished, failed, cancelled };

  messages::Request request;  ///< as it would be sent to a worker now, with dispatch, failed attempts and next picture
  std::string owner;          ///< such as "telegram:5"; empty: unknown
  std::string digest;         ///< digest of the body in the HTTP call; empty: unknown
  std::string traceparent;
  std::uint64_t version = 0;  ///< incremented by each change

  Status status = Status::queued;
  bool cancelling = false;    ///< a cancellation was requested
  int starts = 0;             ///< how often this dispatch was started
  std::string worker;         ///< the last worker that started it
  std::string stage;          ///< while drawing
  double fraction = 0;        ///< over all its pictures, 0 to 1
  std::uint64_t preview = 0;  ///< the version in which messages::preview_key() was last replaced; 0: never. It may be deleted already.
  std::vector<messages::StoredImage> images;
  std::map<std::string, double> seconds;  ///< by stage, and "total"
  std::map<std::string, std::string> used;
  std::vector<Sentence> notices;
  std::vector<std::string> offers;
  std::string reason;  ///< failed
  Sentence detail;     ///< failed
  Time ended;

  bool over() const { return status != Status::queued && status != Status::drawing; }
};

std::string_view name_of(RequestState::Status status);

/// The initial state.
RequestState accepted(const messages::Accepted& event, std::string_view traceparent);

enum class Change {
  none,         ///< the event has no effect
  rejected,     ///< no effect either: its picture belongs to another request
  started,      ///< a worker started to draw
  progressed,   ///< a worker made progress
  handed_back,  ///< it waits again
  picture,      ///< it waits again, with one more of its pictures drawn
  ended,
};

/// Applies an event to the state of its request. Events of one request must come in order; repeated events do not change a request that has
/// ended.
Change apply(RequestState& state, const messages::Event& event);

}  // namespace p2p::requests
