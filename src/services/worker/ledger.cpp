#include "services/worker/ledger.hpp"

namespace p2p::worker {

bool Ledger::read(Time since, const std::stop_token& stop) {
  states_.clear();
  const auto reader = bus_.read_log(std::string(messages::kEventsTopic), {.offsets = {}, .since = since});
  while (!reader->caught_up()) {
    if (stop.stop_requested()) return false;
    for (const bus::Record& record : reader->poll(std::chrono::milliseconds(200))) {
      if (const auto event = messages::decode_event(record.value)) take(*event);
    }
  }
  since_ = since;
  return true;
}

void Ledger::take(const messages::Event& event) {
  const auto [item, fresh] = states_.try_emplace(event.id);
  // Its first events may be older than what was read.
  if (fresh && event.dispatch > 0) item->second.request.dispatch = event.dispatch;
  requests::apply(item->second, event);
}

Ledger::State Ledger::state_of(const messages::Request& request) const {
  const auto found = states_.find(request.id);
  if (found == states_.end()) return {};
  const requests::RequestState& state = found->second;
  const int dispatch = state.request.dispatch;
  return {.over = state.over() || dispatch > request.dispatch, .failed_attempts = dispatch == request.dispatch ? state.starts : 0};
}

}  // namespace p2p::worker
