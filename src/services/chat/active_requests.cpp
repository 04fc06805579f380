#include "services/chat/active_requests.hpp"

#include <utility>

#include "services/chat/request_of.hpp"

namespace p2p::chat {

ActiveRequest& ActiveRequests::add(ChatRequest request) {
  mark_dirty(request.id);
  ActiveRequest& active = map_[request.id];
  active.state = {.request = request_of(request), .owner = owner_of(request.origin.user), .traceparent = request.traceparent};
  active.request = std::move(request);
  return active;
}

ActiveRequest* ActiveRequests::find(const std::string& id) {
  const auto found = map_.find(id);
  return found == map_.end() ? nullptr : &found->second;
}

const ActiveRequest* ActiveRequests::find(const std::string& id) const {
  const auto found = map_.find(id);
  return found == map_.end() ? nullptr : &found->second;
}

void ActiveRequests::mark_all_dirty() {
  for (const auto& [id, active] : map_) mark_dirty(id);
}

std::vector<ActiveRequest*> ActiveRequests::take_dirty(Time now) {
  for (; !due_.empty() && due_.begin()->first <= now; due_.erase(due_.begin())) mark_dirty(due_.begin()->second);
  std::vector<ActiveRequest*> list;
  for (const std::string& id : std::exchange(dirty_, {})) {
    if (ActiveRequest* const active = find(id)) list.push_back(active);
  }
  return list;
}

std::optional<Time> ActiveRequests::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace p2p::chat
