#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "platform/messages/messages.hpp"

namespace p2p::requests {

/// A request and what has become of it, as the events in Kafka tell.
struct RequestState {
  enum class Status { queued, drawing, finished, failed, cancelled };

  messages::Request request;  ///< as it would be sent to a worker now: with the dispatch, the attempts so far and the next picture
  std::string owner;          ///< who asked, such as "telegram:5"; empty: not known
  std::string digest;         ///< of the body that it came with; empty: not known
  std::string traceparent;
  std::uint64_t version = 0;  ///< grows with each change

  Status status = Status::queued;
  bool cancelling = false;  ///< somebody asked for its end
  int starts = 0;           ///< how often this dispatch was started
  std::string worker;       ///< that started it last
  std::string stage;        ///< drawing
  double fraction = 0;      ///< of all its pictures, 0 to 1
  std::vector<messages::StoredImage> images;
  std::map<std::string, double> seconds;  ///< by stage, and "total"
  std::map<std::string, std::string> used;
  std::vector<std::string> notices;
  std::vector<std::string> offers;
  std::string reason;  ///< failed
  std::string detail;  ///< failed
  Time ended;

  bool over() const { return status != Status::queued && status != Status::drawing; }
};

std::string_view name_of(RequestState::Status status);

/// The state of a request that was accepted; `event` is of that type and holds the request.
RequestState accepted(const messages::Event& event, std::string_view traceparent);

enum class Change {
  none,         ///< the event says nothing new
  rejected,     ///< nor does this one: its picture is another request's
  started,      ///< a worker draws it
  progressed,   ///< and has got further
  handed_back,  ///< it waits again
  picture,      ///< it waits again, with one picture of several drawn
  ended,
};

/// Folds an event into the state of its request, of which nothing else need be known. Events of one request come in order; one that is read
/// twice changes nothing that ended.
Change apply(RequestState& state, const messages::Event& event);

}  // namespace p2p::requests
