#include "base/log.hpp"
#include "services/bot/core.hpp"
#include "services/bot/request_of.hpp"

namespace p2p::bot {

Bot::Core::ActiveRequest Bot::Core::active_of(RequestRow row) const {
  ActiveRequest live;
  live.state = {.request = request_of(row), .owner = owner_of(row.user), .traceparent = row.traceparent};
  live.row = std::move(row);
  return live;
}

void Bot::Core::take_records(const std::vector<bus::Record>& records, const std::map<bus::TopicPartition, std::int64_t>& positions) {
  for (const bus::Record& record : records) {
    if (const auto event = messages::decode_event(record.value)) {
      // An own event from before the start that did reach the topic is not sent again.
      std::erase_if(old_outbox_, [&](const auto& item) {
        const bus::Outgoing& message = item.second.message;
        const bool same = message.topic == record.topic && message.key == record.key && message.value == record.value;
        if (same) write([this, number = item.first] { state_.remove_from_outbox(number); });
        return same;
      });
      take_event(*event);
    }  // else the requests' client says so
  }
  write([this, positions] { state_.save_offsets(positions); });
}

void Bot::Core::take_event(const Event& event) {
  const auto found = active_.find(event.id);
  if (found == active_.end()) return;
  ActiveRequest& live = found->second;
  RequestRow& row = live.row;
  mark_dirty(row.id);
  if (row.ended_somehow() && event.ends())
    metrics_.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", "already_ended"}}).add();
  if (row.ended_somehow()) return;
  switch (requests::apply(live.state, event)) {
    case requests::Change::none:
    case requests::Change::rejected:
      return;
    case requests::Change::progressed:
      if (event.fraction >= 1 && !live.drawn) live.drawn = now();
      return;
    case requests::Change::started:
    case requests::Change::handed_back:
    case requests::Change::picture:
      row.status = live.state.status == requests::RequestState::Status::drawing ? Status::drawing : Status::waiting;
      live.drawn.reset();
      return save(row);
    case requests::Change::ended:
      return take_end(live);
  }
}

void Bot::Core::take_end(ActiveRequest& live) {
  using enum requests::RequestState::Status;
  const requests::RequestState& state = live.state;
  RequestRow& row = live.row;
  row.reason = state.reason;
  row.detail = state.detail;
  if (state.status != finished) return end(live, state.status == failed ? Status::failed : Status::cancelled);
  const messages::StoredImage& image = state.images.front();
  row.image_key = image.key;
  row.width = image.width;
  row.height = image.height;
  row.bytes = image.bytes;
  row.seed = image.seed;
  row.used = state.used;
  row.offers = state.offers;
  const auto total = state.seconds.find("total");
  row.seconds = total == state.seconds.end() ? 0 : total->second;
  if (!live.drawn) live.drawn = now();
  end(live, Status::finished);
}

void Bot::Core::end(ActiveRequest& live, Status status) {
  live.row.status = status;
  live.row.ended = now();
  save(live.row);
  mark_dirty(live.row.id);
}

void Bot::Core::accept_again() {
  for (const auto& [id, live] : active_) {
    if (live.row.ended_somehow()) continue;
    log::warn("a request is published again: the topic of events was made anew", {{"id", id}});
    send_accepted(live.row);
    if (live.row.cancelling) send_cancel(live.row);
  }
}

}  // namespace p2p::bot
