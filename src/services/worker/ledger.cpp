#include "services/worker/ledger.hpp"

#include <algorithm>

namespace p2p::worker {

void Ledger::read(Time since) {
  stories_.clear();
  const auto reader = bus_.read_log(std::string(messages::kEventsTopic), {.offsets = {}, .since = since});
  while (!reader->caught_up()) {
    for (const bus::Record& record : reader->poll(std::chrono::milliseconds(200))) {
      if (const auto event = messages::decode_event(record.value)) take(*event);
    }
  }
  since_ = since;
}

void Ledger::take(const messages::Event& event) {
  Story& story = stories_[event.id];
  story.ended |= event.ends();
  if (event.hands_back()) story.handed_back = std::max(story.handed_back, event.dispatch);
  if (event.type == messages::EventType::started) ++story.started[event.dispatch];
}

Ledger::State Ledger::state_of(const messages::Request& request) const {
  const auto found = stories_.find(request.id);
  if (found == stories_.end()) return {};
  const Story& story = found->second;
  const auto started = story.started.find(request.dispatch);
  return {.over = story.ended || story.handed_back >= request.dispatch, .strikes = started == story.started.end() ? 0 : started->second};
}

}  // namespace p2p::worker
