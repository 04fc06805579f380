#include "services/dispatch/shared_queue.hpp"

#include <algorithm>
#include <utility>

namespace p2p::dispatch {

using requests::Change;

QueuedRequest SharedQueue::queued(const RequestState& state) const {
  return {state.request.id, state.owner, state.request.model, state.request.time, costs_.of(state.request)};
}

void SharedQueue::notify() {
  awake_ = true;
  changed_.notify_all();
}

void SharedQueue::accepted(const RequestState& state) {
  const Lock lock(mutex_);
  dispatcher_.add(queued(state));
  if (state.cancelling) {
    cancelling_.insert(state.request.id);
    end_now_ = true;
  }
  notify();
}

void SharedQueue::changed(const RequestState& state, Change change, const messages::Event& event) {
  const std::string& id = state.request.id;
  const Time at = now();
  const Lock lock(mutex_);
  switch (change) {
    case Change::none:
    case Change::rejected:
      return;
    case Change::started:
      dispatcher_.started(id, event.worker, at);
      started_(state);
      break;
    case Change::progressed:
      dispatcher_.progressed(id, std::get<messages::Progress>(event.what).fraction, at);
      break;
    case Change::picture:
      dispatcher_.ended(id);
      dispatcher_.add(queued(state));
      end_now_ |= state.cancelling;
      break;
    case Change::handed_back:
      if (!dispatcher_.handed_back(id)) dispatcher_.add(queued(state));
      end_now_ |= state.cancelling;
      break;
    case Change::ended:
      dispatcher_.ended(id);
      cancelling_.erase(id);
      if (const auto* const finished = event.as<messages::Finished>()) costs_.learn(state.request, *finished);
      ended_(state);
      break;
  }
  notify();
}

void SharedQueue::cancelling(const RequestState& state) {
  const Lock lock(mutex_);
  cancelling_.insert(state.request.id);
  end_now_ = true;
  notify();
}

void SharedQueue::unknown(const messages::Event& event) {
  const Lock lock(mutex_);
  const auto* const progress = event.as<messages::Progress>();
  if (event.as<messages::Started>()) {
    dispatcher_.others().started(event.id, event.worker, now());
  } else if (event.ends() || event.as<messages::HandedBack>() || (progress && progress->fraction >= 1)) {
    dispatcher_.others().ended(event.id);
  } else if (progress) {
    dispatcher_.others().progressed(event.id, now());
  }
}

void SharedQueue::set_workers(const std::vector<Worker>& workers) {
  const Lock lock(mutex_);
  dispatcher_.set_workers(workers);
  notify();
}

SharedQueue::Work SharedQueue::next(Time now) {
  const Lock lock(mutex_);
  auto to_send = dispatcher_.next(now);
  return {std::move(to_send), dispatcher_.to_release(now)};
}

std::map<std::string, messages::Event::What> SharedQueue::take_ended(Time now, std::chrono::seconds longest_wait,
                                                                     const std::function<bool(const std::string& model)>& is_hopeless,
                                                                     bool all) {
  std::map<std::string, messages::Event::What> ends;
  const Lock lock(mutex_);
  if (!std::exchange(end_now_, false) && !all) return ends;
  for (const auto& [id, entry] : dispatcher_.waiting()) {
    if (cancelling_.contains(id)) {
      ends[id] = messages::Cancelled{};
    } else if (now - entry.request.accepted > longest_wait || is_hopeless(entry.request.model)) {
      ends[id] = messages::Failed{.reason = std::string(messages::reason::kNoWorker)};
    }
  }
  for (const auto& [id, how] : ends) dispatcher_.remove(id);
  return ends;
}

void SharedQueue::mark_sent(const RequestState& state, int partition) {
  const Lock lock(mutex_);
  if (dispatcher_.remove(state.request.id)) dispatcher_.add_dispatched(queued(state), partition);
}

bool SharedQueue::mark_lost(const std::string& id) {
  const Lock lock(mutex_);
  return dispatcher_.handed_back(id);
}

Estimate SharedQueue::estimate(const std::string& id, Time now) const {
  const Lock lock(mutex_);
  return dispatcher_.estimate(id, now);
}

void SharedQueue::with_dispatcher(const std::function<void(const Dispatcher& dispatcher)>& visit) const {
  const Lock lock(mutex_);
  visit(dispatcher_);
}

void SharedQueue::wait(Time now, std::chrono::milliseconds most, bool leads) {
  Lock lock(mutex_);
  Time until = now + most;
  if (const auto again = dispatcher_.next_check_at(); again && leads) until = std::min(until, *again);
  changed_.wait_until(lock, until, [&] { return awake_; });
  awake_ = false;
}

void SharedQueue::wake() {
  const Lock lock(mutex_);
  notify();
}

}  // namespace p2p::dispatch
