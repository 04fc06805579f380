#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/messages/messages.hpp"
#include "services/routing/router.hpp"

namespace p2p::api {

/// A request of the API and what has become of it.
struct Entry {
  enum class Status { queued, drawing, finished, failed, cancelled };

  messages::Request request;  ///< as it is to be sent next
  std::string client;         ///< whose it is; others do not see it
  std::string traceparent;
  std::uint64_t version = 0;  ///< grows with each change

  Status status = Status::queued;
  bool cancelling = false;
  std::string stage;    ///< drawing
  double fraction = 0;  ///< of the whole drawing
  std::vector<messages::StoredImage> images;
  std::map<std::string, double> seconds;
  std::map<std::string, std::string> used;
  std::vector<std::string> notices;
  std::string reason;  ///< failed
  std::string detail;  ///< failed
  Time ended;

  bool over() const { return status != Status::queued && status != Status::drawing; }
};

std::string_view name_of(Entry::Status status);

/// An entry as somebody looks at it.
struct View {
  Entry entry;
  routing::Estimate outlook;  ///< of one that is not over
};

}  // namespace p2p::api
