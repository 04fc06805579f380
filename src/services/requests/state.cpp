#include "services/requests/state.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace p2p::requests {
namespace {

using messages::Event;
using messages::EventType;
using Status = RequestState::Status;

/// The fraction over all pictures; `fraction` is that of the current one.
double fraction_of(const RequestState& state, double fraction) {
  const messages::Request& request = state.request;
  return request.picture > 0 ? (static_cast<double>(state.images.size()) + fraction) / request.count : fraction;
}

/// Adopts a newer dispatch, sent by another process.
void follow_dispatch(RequestState& state, int dispatch) {
  if (dispatch <= state.request.dispatch) return;
  state.request.dispatch = dispatch;
  state.starts = 0;
}

Change start(RequestState& state, const Event& event) {
  follow_dispatch(state, event.dispatch);
  if (event.dispatch == state.request.dispatch) ++state.starts;
  state.status = Status::drawing;
  state.worker = event.worker;
  state.fraction = fraction_of(state, 0);
  return Change::started;
}

Change progress(RequestState& state, const Event& event) {
  state.status = Status::drawing;
  state.stage = event.stage;
  state.fraction = fraction_of(state, event.fraction);
  return Change::progressed;
}

void add_pictures(RequestState& state, const Event& event) {
  state.images.insert(state.images.end(), event.images.begin(), event.images.end());
  for (const auto& [stage, seconds] : event.seconds) state.seconds[stage] += seconds;
}

Change hand_back(RequestState& state, const Event& event) {
  follow_dispatch(state, event.dispatch);
  if (event.dispatch != state.request.dispatch) return Change::none;
  const bool has_picture = !event.images.empty() && state.request.picture > 0 && state.request.picture < state.request.count;
  if (has_picture) {
    add_pictures(state, event);
    state.request.picture = std::min(static_cast<int>(state.images.size()) + 1, state.request.count);
  }
  ++state.request.dispatch;
  state.request.failed_attempts = event.failed_attempts;
  state.starts = 0;
  state.status = Status::queued;
  state.stage.clear();
  state.fraction = fraction_of(state, 0);
  return has_picture ? Change::picture : Change::handed_back;
}

/// Whatever a message says, nobody is shown another's picture.
bool has_foreign_picture(const RequestState& state, const Event& event) {
  if (state.request.time == Time{}) return false;  // the request is not known
  const std::size_t before = state.request.picture == 0 || event.images.size() != 1 ? 0 : state.images.size();
  for (std::size_t i = 0; i < event.images.size(); ++i) {
    if (event.images[i].key == messages::image_key(event.id, state.request.time, static_cast<int>(before + i) + 1)) continue;
    return true;
  }
  return false;
}

Change end(RequestState& state, const Event& event) {
  state.status = event.type == EventType::finished ? Status::finished
                 : event.type == EventType::failed ? Status::failed
                                                   : Status::cancelled;
  state.ended = event.time;
  state.fraction = 1;
  state.used = event.used;
  state.notices = event.notices;
  state.offers = event.offers;
  state.reason = event.reason;
  state.detail = event.detail;
  if (state.request.picture == 0 || event.images.size() != 1) state.images.clear();  // else the others have come before
  add_pictures(state, event);
  // Which is not asked for any more, and may be long.
  release(state.request.prompt);
  release(state.request.negative_prompt);
  return Change::ended;
}

}  // namespace

std::string_view name_of(Status status) {
  constexpr std::array<std::string_view, 5> kNames{"queued", "drawing", "finished", "failed", "cancelled"};
  return kNames.at(static_cast<std::size_t>(status));
}

RequestState accepted(const Event& event, std::string_view traceparent) {
  return {.request = *event.request, .owner = event.client, .digest = event.digest, .traceparent = messages::child_of(traceparent)};
}

Change apply(RequestState& state, const Event& event) {
  if (state.over() || event.type == EventType::accepted) return Change::none;
  if (has_foreign_picture(state, event)) return Change::rejected;
  const Change change = event.type == EventType::started ? start(state, event)
                        : event.hands_back()             ? hand_back(state, event)
                        : event.ends()                   ? end(state, event)
                                                         : progress(state, event);
  if (change != Change::none) ++state.version;
  return change;
}

}  // namespace p2p::requests
