#include "services/chat/event_handler.hpp"

#include "base/log.hpp"
#include "services/requests/russian.hpp"

namespace p2p::chat {

void EventHandler::take(const std::vector<bus::Record>& records, const std::map<bus::TopicPartition, std::int64_t>& positions) {
  for (const bus::Record& record : records) {
    if (const auto event = messages::decode_event(record.value)) {
      outbox_.confirm(record);
      take(*event);
    }  // else the requests' client logs it
  }
  work_.write([positions](ChatStore& store) { store.positions().save(positions); });
}

void EventHandler::take(const messages::Event& event) {
  ActiveRequest* const active = requests_.find(event.id);
  if (!active) return;
  ChatRequest& request = active->request;
  requests_.mark_dirty(request.id);
  if (request.outcome.is_over()) {
    if (event.ends())
      metrics_.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", "already_ended"}}).add();
    return;
  }
  switch (requests::apply(active->state, event)) {
    case requests::Change::none:
    case requests::Change::rejected:
      return;
    case requests::Change::progressed:
      if (std::get<messages::Progress>(event.what).fraction >= 1 && !active->drawn) active->drawn = loop_.now();
      return;
    case requests::Change::started:
    case requests::Change::handed_back:
    case requests::Change::picture:
      request.outcome.status = active->state.status;
      active->drawn.reset();
      return work_.save(request);
    case requests::Change::ended:
      return take_end(*active);
  }
}

void EventHandler::take_end(ActiveRequest& active) {
  const requests::RequestState& state = active.state;
  Outcome& outcome = active.request.outcome;
  outcome.reason = state.reason;
  outcome.detail = state.detail.text;
  if (active.request.origin.language == Language::ru) outcome.detail = requests::in_russian(state.detail).value_or(outcome.detail);
  if (state.status == Outcome::Status::finished) {
    const messages::StoredImage& image = state.images.front();
    outcome.image_key = image.key;
    outcome.width = image.width;
    outcome.height = image.height;
    outcome.bytes = image.bytes;
    outcome.used = state.used;
    outcome.offers = state.offers;
    const auto total = state.seconds.find("total");
    outcome.seconds = total == state.seconds.end() ? 0 : total->second;
    active.request.params.seed = image.seed;
    if (!active.drawn) active.drawn = loop_.now();
  }
  end(active, state.status);
}

void EventHandler::end(ActiveRequest& active, Outcome::Status status) {
  active.request.outcome.status = status;
  active.request.outcome.ended = loop_.now();
  work_.save(active.request);
  requests_.mark_dirty(active.request.id);
}

void EventHandler::reject(const bus::Outgoing& message, const std::string& problem) {
  log::error("Kafka does not accept this message", {{"id", message.key}, {"topic", message.topic}, {"error", problem}});
  ActiveRequest* const active = requests_.find(message.key);
  if (message.topic != messages::kEventsTopic || !active || active->request.outcome.is_over()) return;
  active->request.outcome.reason = messages::reason::kDrawingFailed;
  active->request.outcome.detail = problem;
  end(*active, Outcome::Status::failed);
}

}  // namespace p2p::chat
