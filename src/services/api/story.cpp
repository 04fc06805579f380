#include "base/log.hpp"
#include "services/api/impl.hpp"
#include "services/routing/observe.hpp"

namespace p2p::api {

void Api::Impl::add(const Entry& entry) { router_.add({entry.request.id, entry.client, entry.request.model, entry.request.time}); }

void Api::Impl::take(const bus::Record& record, const Event& event) {
  if (event.type == messages::EventType::accepted) return take_accepted(record, event);
  const auto found = entries_.find(event.id);
  if (found == entries_.end()) return routing::observe_others(router_, event);
  Entry& entry = found->second;
  if (entry.over()) return;
  take_story(entry, event);
  ++entry.version;
  changed_.notify_all();
}

void Api::Impl::take_accepted(const bus::Record& record, const Event& event) {
  if (event.client.empty() || !event.request || entries_.contains(event.id)) return;
  Entry& entry = entries_[event.id];
  entry.request = *event.request;
  entry.client = event.client;
  entry.traceparent = messages::child_of(record.header("traceparent"));
  entry.cancelling = unwanted_.has(event.id);
  if (entry.cancelling) next_housekeeping_ = now();
  add(entry);
  changed_.notify_all();
}

void Api::Impl::take_story(Entry& entry, const Event& event) {
  const std::string& id = entry.request.id;
  const Time at = now();
  if (event.type == messages::EventType::started) {
    // What another instance sent is known by its start.
    router_.remove(id) ? router_.others_started(id, event.worker) : router_.started(id, at);
    if (entry.status == Status::queued)
      metrics_.seconds("prompt2pic_wait_seconds", "From acceptance to a worker's start.", {{"model", entry.request.model}})
          .observe(std::chrono::duration<double>(at - entry.request.time).count());
    entry.status = Status::drawing;
    entry.fraction = 0;
    // A worker that began after the wish was made may have missed it.
    if (entry.cancelling && leads_) ask(entry, messages::Control::Type::cancel);
  } else if (event.hands_back()) {
    if (event.dispatch != entry.request.dispatch) return;
    router_.others_ended(id);
    if (!router_.handed_back(id)) add(entry);
    ++entry.request.dispatch;
    entry.request.strikes = event.strikes;
    entry.status = Status::queued;
    entry.stage.clear();
    entry.fraction = 0;
    if (entry.cancelling) next_housekeeping_ = at;
  } else if (event.type == messages::EventType::progress) {
    router_.progressed(id, event.fraction, at);
    if (event.fraction >= 1) router_.others_ended(id);
    entry.status = Status::drawing;
    entry.stage = event.stage;
    entry.fraction = event.fraction;
  } else {
    router_.others_ended(id);
    router_.ended(id);
    note_end(entry, event);
    const Labels labels{{"model", entry.request.model}, {"outcome", std::string(name_of(entry.status))}, {"reason", entry.reason}};
    metrics_.counter("prompt2pic_requests_total", "Requests that ended.", labels).add();
    log::info("ended", {{"id", id}, {"outcome", name_of(entry.status)}, {"reason", entry.reason}, {"detail", entry.detail}});
  }
}

void Api::Impl::note_end(Entry& entry, const Event& event) {
  using enum messages::EventType;
  entry.status = event.type == finished ? Status::finished : event.type == failed ? Status::failed : Status::cancelled;
  entry.ended = event.time;
  entry.fraction = 1;
  entry.seconds = event.seconds;
  entry.used = event.used;
  entry.notices = event.notices;
  entry.reason = event.reason;
  entry.detail = event.detail;
  entry.images = event.images;
  // Whatever a message says, nobody is shown another's picture.
  for (std::size_t i = 0; i < entry.images.size(); ++i) {
    if (entry.images[i].key == messages::image_key(event.id, entry.request.time, static_cast<int>(i) + 1)) continue;
    log::warn("an event names a picture that is not its request's", {{"id", event.id}, {"key", entry.images[i].key}});
    entry.status = Status::failed;
    entry.reason = messages::reason::kUnreadable;
  }
}

void Api::Impl::take_wish(const messages::Control& wish) {
  if (wish.type != messages::Control::Type::cancel) return;
  const auto found = entries_.find(wish.id);
  if (found == entries_.end()) return unwanted_.add(wish.id);
  if (found->second.over()) return;
  Entry& entry = found->second;
  entry.cancelling = true;
  next_housekeeping_ = now();
  ++entry.version;
  changed_.notify_all();
}

}  // namespace p2p::api
