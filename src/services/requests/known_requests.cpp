#include "services/requests/known_requests.hpp"

namespace p2p::requests {

void KnownRequests::add(RequestState state) {
  const std::string id = state.request.id;
  if (table_.find(id)) return;
  const RequestState& added = table_.add(std::move(state));
  for (Observer* const observer : observers_) observer->accepted(added);
  watches_.notify(id);
}

Change KnownRequests::apply(const messages::Event& event) {
  if (!table_.find(event.id)) {
    for (Observer* const observer : observers_) observer->unknown(event);
    return Change::none;
  }
  const Change change = table_.apply(event);
  if (change == Change::none || change == Change::rejected) return change;
  const RequestState& state = *table_.find(event.id);
  for (Observer* const observer : observers_) observer->changed(state, change, event);
  watches_.notify(event.id);
  return change;
}

void KnownRequests::cancel(const std::string& id) {
  const RequestState* const state = table_.cancel(id);
  if (!state) return;
  for (Observer* const observer : observers_) observer->cancelling(*state);
  watches_.notify(id);
}

}  // namespace p2p::requests
