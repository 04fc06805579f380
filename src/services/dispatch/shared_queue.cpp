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
    dispatcher_.others_started(event.id, event.worker, now());
  } else if (event.ends() || event.as<messages::HandedBack>() || (progress && progress->fraction >= 1)) {
    dispatcher_.others_ended(event.id);
  } else if (progress) {
    dispatcher_.others_progressed(event.id, now());
  }
}

SharedQueue::Models SharedQueue::set_workers(const std::vector<Worker>& workers,
                                             const std::function<std::string(const std::string& model)>& log_of) {
  Models models;
  const Lock lock(mutex_);
  dispatcher_.set_workers(workers);
  served_.clear();
  for (const Worker& worker : workers) {
    for (const auto& [model, partitions] : worker.partitions) {
      served_.insert(model);
      logs_.try_emplace(model);
    }
  }
  for (auto& [model, log] : logs_) {
    const std::string before = std::exchange(log, log_of(model));
    if (!before.empty() && before != log) models.recreated.insert(model);
  }
  dispatcher_.for_each_waiting([&](const QueuedRequest& request) {
    if (!logs_.contains(request.model)) models.unknown.insert(request.model);
  });
  notify();
  return models;
}

void SharedQueue::set_never_served(const std::set<std::string>& models, Time now) {
  const Lock lock(mutex_);
  std::erase_if(unserved_, [&](const auto& item) { return !models.contains(item.first); });
  for (const std::string& model : models) unserved_.try_emplace(model, now);
}

std::set<std::string> SharedQueue::models() const {
  const Lock lock(mutex_);
  return served_;
}

std::optional<bool> SharedQueue::is_served(const std::string& model) const {
  const Lock lock(mutex_);
  if (served_.contains(model)) return true;
  return logs_.contains(model) ? std::optional(false) : std::nullopt;
}

SharedQueue::Work SharedQueue::next(Time now) {
  const Lock lock(mutex_);
  auto to_send = dispatcher_.next(now);
  return {std::move(to_send), dispatcher_.to_release(now)};
}

std::map<std::string, messages::Event::What> SharedQueue::take_ended(Time now, const Patience& patience, bool all) {
  std::map<std::string, messages::Event::What> ends;
  const Lock lock(mutex_);
  if (!std::exchange(end_now_, false) && !all) return ends;
  dispatcher_.for_each_waiting([&](const QueuedRequest& request) {
    const auto unserved = unserved_.find(request.model);
    const bool hopeless = unserved != unserved_.end() && now - unserved->second >= patience.worker_grace;
    if (cancelling_.contains(request.id)) {
      ends[request.id] = messages::Cancelled{};
    } else if (hopeless || now - request.accepted > patience.longest_wait) {
      ends[request.id] = messages::Failed{.reason = std::string(messages::reason::kNoWorker)};
    }
  });
  for (const auto& [id, how] : ends) dispatcher_.remove(id);
  return ends;
}

std::set<std::string> SharedQueue::unfinished() const {
  std::set<std::string> ids;
  const Lock lock(mutex_);
  dispatcher_.for_each_waiting([&](const QueuedRequest& request) { ids.insert(request.id); });
  for (const auto& [model, log] : logs_) {
    for (const Assignment& sent : dispatcher_.sent(model)) ids.insert(sent.id);
  }
  return ids;
}

std::vector<Assignment> SharedQueue::sent(const std::string& model) const {
  const Lock lock(mutex_);
  return dispatcher_.sent(model);
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

void SharedQueue::clear_wake() {
  const Lock lock(mutex_);
  awake_ = false;
}

void SharedQueue::wait(Time now, std::chrono::milliseconds most, bool leads) {
  Lock lock(mutex_);
  Time until = now + most;
  if (const auto again = dispatcher_.next_check_at(); again && leads) until = std::min(until, *again);
  changed_.wait_until(lock, until, [&] { return awake_; });
}

void SharedQueue::wake() {
  const Lock lock(mutex_);
  notify();
}

}  // namespace p2p::dispatch
