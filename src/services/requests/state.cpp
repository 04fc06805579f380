#include "services/requests/state.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace p2p::requests {
namespace {

using messages::Event;
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

/// Whatever a message says, nobody is shown another's picture.
bool has_foreign_picture(const RequestState& state, const std::string& id, const std::vector<messages::StoredImage>& images) {
  if (state.request.time == Time{}) return false;  // the request is not known
  const std::size_t before = state.request.picture == 0 || images.size() != 1 ? 0 : state.images.size();
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::string& key = images[i].key;
    // In any format: a worker or leader of an older version does not know the field and makes a PNG.
    if (key == messages::image_key(id, state.request.time, static_cast<int>(before + i) + 1, messages::format_of(key))) continue;
    return true;
  }
  return false;
}

/// `what`: HandedBack or Finished.
void add_pictures(RequestState& state, const auto& what) {
  state.images.insert(state.images.end(), what.images.begin(), what.images.end());
  for (const auto& [stage, seconds] : what.seconds) state.seconds[stage] += seconds;
}

Change end(RequestState& state, Status status, Time at) {
  state.status = status;
  state.ended = at;
  state.fraction = 1;
  if (status != Status::finished) state.images.clear();
  // Which is not asked for any more, and may be long.
  release(state.request.prompt);
  release(state.request.negative_prompt);
  return Change::ended;
}

Change fold(RequestState& /*state*/, const Event& /*event*/, const messages::Accepted& /*accepted*/) { return Change::none; }

Change fold(RequestState& state, const Event& event, const messages::Started& /*started*/) {
  follow_dispatch(state, event.dispatch);
  if (event.dispatch == state.request.dispatch) ++state.starts;
  state.status = Status::drawing;
  state.worker = event.worker;
  state.fraction = fraction_of(state, 0);
  return Change::started;
}

Change fold(RequestState& state, const Event& event, const messages::Progress& progress) {
  if (progress.preview == messages::preview_key(event.id, state.request.time)) state.preview = state.version + 1;
  state.status = Status::drawing;
  state.stage = progress.stage;
  state.fraction = fraction_of(state, progress.fraction);
  return Change::progressed;
}

Change fold(RequestState& state, const Event& event, const messages::HandedBack& back) {
  if (has_foreign_picture(state, event.id, back.images)) return Change::rejected;
  follow_dispatch(state, event.dispatch);
  if (event.dispatch != state.request.dispatch) return Change::none;
  const bool has_picture = !back.images.empty() && state.request.picture > 0 && state.request.picture < state.request.count;
  if (has_picture) {
    add_pictures(state, back);
    state.request.picture = std::min(static_cast<int>(state.images.size()) + 1, state.request.count);
  }
  ++state.request.dispatch;
  state.request.failed_attempts = back.failed_attempts;
  state.starts = 0;
  state.status = Status::queued;
  state.stage.clear();
  state.fraction = fraction_of(state, 0);
  return has_picture ? Change::picture : Change::handed_back;
}

Change fold(RequestState& state, const Event& event, const messages::Finished& finished) {
  if (has_foreign_picture(state, event.id, finished.images)) return Change::rejected;
  state.used = finished.used;
  state.notices = finished.notices;
  state.offers = finished.offers;
  if (state.request.picture == 0 || finished.images.size() != 1) state.images.clear();  // else the others have come before
  add_pictures(state, finished);
  return end(state, Status::finished, event.time);
}

Change fold(RequestState& state, const Event& event, const messages::Failed& failed) {
  state.reason = failed.reason;
  state.detail = failed.detail;
  return end(state, Status::failed, event.time);
}

Change fold(RequestState& state, const Event& event, const messages::Cancelled& /*cancelled*/) {
  return end(state, Status::cancelled, event.time);
}

}  // namespace

std::string_view name_of(Status status) {
  constexpr std::array<std::string_view, 5> kNames{"queued", "drawing", "finished", "failed", "cancelled"};
  return kNames.at(static_cast<std::size_t>(status));
}

RequestState accepted(const messages::Accepted& event, std::string_view traceparent) {
  return {.request = event.request, .owner = event.client, .digest = event.digest, .traceparent = messages::child_of(traceparent)};
}

Change apply(RequestState& state, const Event& event) {
  if (state.over()) return Change::none;
  const Change change = std::visit([&](const auto& what) { return fold(state, event, what); }, event.what);
  if (change != Change::none && change != Change::rejected) ++state.version;
  return change;
}

}  // namespace p2p::requests
