#include "base/log.hpp"
#include "services/bot/core.hpp"
#include "services/routing/observe.hpp"

namespace p2p::bot {

routing::Waiting Bot::Core::waiting_of(const RequestRow& row) const { return {row.id, std::to_string(row.user), row.model, row.accepted}; }

messages::Request Bot::Core::request_of(const RequestRow& row) const {
  messages::Request request{.id = row.id,
                            .time = row.accepted,
                            .model = row.model,
                            .prompt = row.prompt,
                            .seed = row.seed,
                            .variations = row.variations,
                            .dispatch = row.dispatch,
                            .strikes = row.strikes};
  if (row.upscale > 0) request.upscale = row.upscale;
  return request;
}

void Bot::Core::take_records(const std::vector<bus::Record>& records, const std::map<bus::TopicPartition, std::int64_t>& positions) {
  for (const bus::Record& record : records) {
    if (const auto event = messages::decode_event(record.value)) {
      // An own event from before the start that did reach the topic is not sent again.
      std::erase_if(old_letters_, [&](const auto& item) {
        const bus::Outgoing& message = item.second.message;
        const bool same = message.topic == record.topic && message.key == record.key && message.value == record.value;
        if (same) write([this, number = item.first] { state_.remove_letter(number); });
        return same;
      });
      take_event(*event);
    } else {
      metrics_.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", "unreadable"}}).add();
      log::warn("an event was dropped", {{"offset", record.offset}, {"partition", record.partition}, {"error", event.error()}});
    }
  }
  write([this, positions] { state_.save_offsets(positions); });
}

void Bot::Core::take_event(const Event& event) {
  using enum messages::EventType;
  const auto found = live_.find(event.id);
  if (found == live_.end()) return routing::observe_others(router_, event);
  if (event.type == accepted) return;
  Live& live = found->second;
  RequestRow& row = live.row;
  if (row.ended_somehow()) {
    if (event.ends())
      metrics_.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", "already_ended"}}).add();
    return;
  }
  const Time at = now();
  switch (event.type) {
    case accepted:
      return;
    case started:
      router_.started(row.id, at);
      if (!row.started)
        metrics_.seconds("prompt2pic_wait_seconds", "From acceptance to a worker's start.", {{"model", row.model}})
            .observe(std::chrono::duration<double>(at - row.accepted).count());
      row.started = true;
      live.fraction = 0;
      live.drawn.reset();
      save(row);
      // A worker that began after the wish was made may have missed it.
      if (row.cancelling) send_control(row, messages::Control::Type::cancel);
      break;
    case progress:
      if (event.hands_back()) {
        if (event.dispatch != row.dispatch || row.status != Status::sent) return;
        if (row.cancelling) return end_here(live, Status::cancelled, "");
        ++row.dispatch;
        row.strikes = event.strikes;
        row.status = Status::waiting;
        row.started = false;
        live.fraction = 0;
        save(row);
        router_.handed_back(row.id);
      } else {
        router_.progressed(row.id, event.fraction, at);
        live.fraction = event.fraction;
        if (event.fraction >= 1 && !live.drawn) live.drawn = at;
      }
      break;
    case finished: {
      const messages::StoredImage& image = event.images.front();
      if (image.key != messages::image_key(row.id, row.accepted, 1)) {
        metrics_.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", "foreign_key"}}).add();
        return log::warn("an event was dropped: its picture is another request's", {{"id", row.id}, {"key", image.key}});
      }
      row.image_key = image.key;
      row.width = image.width;
      row.height = image.height;
      row.bytes = image.bytes;
      row.seed = image.seed;
      row.used = event.used;
      row.offers = event.offers;
      const auto total = event.seconds.find("total");
      row.seconds = total == event.seconds.end() ? 0 : total->second;
      if (!live.drawn) live.drawn = at;
      return end(live, Status::finished);
    }
    case failed:
      row.reason = event.reason;
      row.detail = event.detail;
      return end(live, Status::failed);
    case cancelled:
      return end(live, Status::cancelled);
  }
  look_at(row.id);
}

void Bot::Core::end(Live& live, Status status) {
  live.row.status = status;
  live.row.ended = now();
  router_.ended(live.row.id);
  const char* const outcome = status == Status::finished ? "finished" : status == Status::failed ? "failed" : "cancelled";
  metrics_
      .counter("prompt2pic_requests_total", "Requests that ended.",
               {{"model", live.row.model}, {"outcome", outcome}, {"reason", live.row.reason}})
      .add();
  metrics_.seconds("prompt2pic_request_seconds", "From acceptance to the end.", {{"outcome", outcome}})
      .observe(std::chrono::duration<double>(live.row.ended - live.row.accepted).count());
  log::info("ended", {{"id", live.row.id}, {"outcome", outcome}, {"reason", live.row.reason}, {"detail", live.row.detail}});
  save(live.row);
  look_at(live.row.id);
}

void Bot::Core::end_here(Live& live, Status status, const std::string& reason) {
  live.row.reason = reason;
  Event event{
      .id = live.row.id, .time = now(), .type = status == Status::cancelled ? messages::EventType::cancelled : messages::EventType::failed};
  event.reason = reason;
  send_event(event, messages::child_of(live.row.traceparent));
  end(live, status);
}

void Bot::Core::take_group(const bus::Bus::Group& group, bool model_known) {
  model_known_ = model_known;
  if (group.exists && !group.stable) return;  // the last one holds until they have agreed
  const auto workers = routing::workers_of(group);
  metrics_.gauge("prompt2pic_workers", "Workers that are there.").set(static_cast<double>(workers.size()));
  router_.set_workers(workers);
  if (router_.is_served(config_.model)) {
    unserved_since_.reset();
  } else if (!unserved_since_) {
    unserved_since_ = now();
  }
}

void Bot::Core::route() {
  if (!may_route_) return;
  const Time at = now();
  for (const routing::Dispatch& dispatch : router_.next(at)) {
    RequestRow& row = live_.at(dispatch.id).row;
    row.status = Status::sent;
    row.partition = dispatch.partition;
    save(row);
    send({.topic = messages::requests_topic(row.model),
          .partition = dispatch.partition,
          .key = row.id,
          .value = messages::encode(request_of(row)),
          .headers = {{"traceparent", messages::child_of(row.traceparent)}, {"type", "request"}}});
    look_at(row.id);
  }
  if (const auto again = router_.look_again_at()) wake_at(*again);

  // Nobody has ever drawn with this model here: it is not queued for nobody.
  if (model_known_ || !unserved_since_ || at - *unserved_since_ < config_.worker_grace) return;
  std::vector<Live*> hopeless;
  for (auto& [id, live] : live_) {
    if (live.row.status == Status::waiting && at - live.row.accepted >= config_.worker_grace) hopeless.push_back(&live);
  }
  for (Live* const live : hopeless) end_here(*live, Status::failed, std::string(messages::reason::kNoWorker));
}

}  // namespace p2p::bot
