#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/dispatch/impl.hpp"
#include "services/requests/publish.hpp"

namespace p2p::dispatch {
namespace {

namespace reason = messages::reason;

constexpr std::chrono::milliseconds kPoll{100};

}  // namespace

void Dispatch::Impl::run_election(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    elections_.stamp();
    try {
      if (leader_.poll(kPoll) && !leads_ && requests_.followed()) acquire_leadership(stop);
    } catch (const Error& error) {
      log::warn("cannot become the leader; trying again", {{"error", error.what()}});
      pause(std::chrono::seconds(1), stop);
    }
  }
  leader_.leave();
}

void Dispatch::Impl::resign() {
  {
    const std::scoped_lock lead(leading_);
    if (leads_) log::info("leads no longer");
    leads_ = false;
  }
  producer_->flush(std::chrono::seconds(5));  // sent requests must be in the topics before another leader reads them
}

void Dispatch::Impl::acquire_leadership(const std::stop_token& stop) {
  if (!catch_up(stop)) return;
  std::set<std::string> ids;
  {
    const Lock lock(mutex_);
    dispatcher_.for_each_waiting([&](const QueuedRequest& request) { ids.insert(request.id); });
    for (const auto& [model, log] : logs_) {
      for (const Assignment& sent : dispatcher_.sent(model)) ids.insert(sent.id);
    }
  }
  std::vector<RequestState> states;
  std::map<std::string, Time> models;
  for (const std::string& id : ids) {
    auto state = requests_.find(id);
    if (!state || state->status != RequestState::Status::queued) continue;
    Time& oldest = models.try_emplace(state->request.model, state->request.time).first->second;
    oldest = std::min(oldest, state->request.time);
    states.push_back(std::move(*state));
  }
  const auto sent = sent_since(models, stop);
  const std::scoped_lock lead(leading_);
  if (!sent || !leader_.leads()) return;
  for (const RequestState& state : states) reconcile(state, *sent);
  leads_ = true;
  log::info("leads", {{"waiting", states.size()}, {"sent", sent->size()}});
}

void Dispatch::Impl::reconcile(const RequestState& state, const std::map<std::string, SentTo>& sent) {
  const std::string& id = state.request.id;
  const auto to = sent.find(id);
  const Lock lock(mutex_);
  if (to != sent.end() && to->second.dispatch >= state.request.dispatch) {
    if (to->second.dispatch > state.request.dispatch) dispatches_[id] = to->second.dispatch;
    if (dispatcher_.remove(id)) dispatcher_.add_dispatched(queued(state), to->second.partition);
  } else if (dispatcher_.handed_back(id)) {
    dispatches_[id] = dispatch_of(state) + 1;  // sent before, and lost with its topic
  }
}

bool Dispatch::Impl::catch_up(const std::stop_token& stop) {
  const auto ends = bus_.read_log(std::string(messages::kEventsTopic), {})->positions();
  while (!stop.stop_requested() && leader_.poll(kPoll)) {
    elections_.stamp();
    const auto followed = requests_.followed();
    const auto is_reached = [&](const auto& end) {
      const auto at = followed->find(end.first);
      return at != followed->end() && at->second >= end.second;
    };
    if (followed && std::ranges::all_of(ends, is_reached)) return true;
  }
  return false;
}

std::optional<std::map<std::string, Dispatch::Impl::SentTo>> Dispatch::Impl::sent_since(const std::map<std::string, Time>& models,
                                                                                        const std::stop_token& stop) {
  std::map<std::string, SentTo> sent;
  for (const auto& [model, oldest] : models) {
    const std::string topic = messages::requests_topic(model);
    if (!bus_.backlog(std::string(messages::kWorkersGroup), topic).topic_exists) continue;
    const auto reader = bus_.read_log(topic, {.offsets = {}, .since = oldest - std::chrono::minutes(1)});
    while (!reader->caught_up()) {
      if (stop.stop_requested() || !leader_.poll({})) return std::nullopt;
      elections_.stamp();
      for (const bus::Record& record : reader->poll(kPoll)) {
        const auto request = messages::decode_request(record.value);
        if (request && request->dispatch >= sent[request->id].dispatch) sent[request->id] = {request->dispatch, record.partition};
      }
    }
  }
  return sent;
}

void Dispatch::Impl::send_next(Time at) {
  std::vector<Assignment> assignments;
  std::vector<std::string> to_release;
  bool end_now = false;
  {
    const Lock lock(mutex_);
    end_now = std::exchange(end_now_, false) || at >= next_housekeeping_;
  }
  if (at >= next_housekeeping_) {
    std::erase_if(dispatches_, [&](const auto& item) {
      const auto state = requests_.find(item.first);
      return !state || state->over();
    });
  }
  if (end_now) end_waiting(at);
  {
    const Lock lock(mutex_);
    assignments = dispatcher_.next(at);
    to_release = dispatcher_.to_release(at);
  }
  for (const Assignment& assignment : assignments) send(assignment.id, assignment.partition);
  for (const std::string& id : to_release) {
    if (const auto state = requests_.find(id)) send_control(*state, messages::Control::Type::release, dispatch_of(*state));
  }
}

void Dispatch::Impl::send(const std::string& id, int partition) {
  auto state = requests_.find(id);
  if (!state || state->over()) return;
  messages::Request& request = state->request;
  request.dispatch = dispatch_of(*state);
  producer_->send({.topic = messages::requests_topic(request.model),
                   .partition = partition,
                   .key = id,
                   .value = messages::encode(request),
                   .headers = {{"traceparent", messages::child_of(state->traceparent)}, {"type", "request"}}},
                  [this, id](const std::string& problem) {
                    if (problem.empty()) return;
                    log::error("a request was not delivered", {{"id", id}, {"error", problem}});
                    end(id, messages::Failed{.reason = std::string(reason::kDrawingFailed)});
                  });
}

int Dispatch::Impl::dispatch_of(const RequestState& state) const {
  const auto raised = dispatches_.find(state.request.id);
  return raised == dispatches_.end() ? state.request.dispatch : std::max(state.request.dispatch, raised->second);
}

void Dispatch::Impl::send_again(const std::string& model) {
  std::vector<Assignment> list;
  {
    const Lock lock(mutex_);
    list = dispatcher_.sent(model);
  }
  for (const auto& [id, partition] : list) {
    const auto state = requests_.find(id);
    if (!state || state->over()) continue;
    log::warn("a request is sent again: its topic was re-created", {{"id", id}});
    dispatches_[id] = dispatch_of(*state) + 1;
    send(id, partition);
  }
}

void Dispatch::Impl::end_waiting(Time at) {
  std::map<std::string, messages::Event::What> ends;
  {
    const Lock lock(mutex_);
    dispatcher_.for_each_waiting([&](const QueuedRequest& request) {
      const auto unserved = unserved_.find(request.model);
      const bool hopeless = unserved != unserved_.end() && at - unserved->second >= config_.worker_grace;
      if (cancelling_.contains(request.id)) {
        ends[request.id] = messages::Cancelled{};
      } else if (hopeless || at - request.accepted > config_.longest_wait) {
        ends[request.id] = messages::Failed{.reason = std::string(reason::kNoWorker)};
      }
    });
    for (const auto& [id, how] : ends) dispatcher_.remove(id);
  }
  for (const auto& [id, how] : ends) end(id, how);
}

void Dispatch::Impl::end(const std::string& id, messages::Event::What how) {
  const auto state = requests_.find(id);
  if (!state || state->over()) return;
  const messages::Event event{.id = id, .time = now(), .what = std::move(how)};
  producer_->send(requests::to_outgoing(event, state->traceparent));
}

void Dispatch::Impl::send_control(const RequestState& state, messages::Control::Type type, int dispatch) {
  const messages::Control control{.id = state.request.id, .time = now(), .type = type, .dispatch = dispatch};
  producer_->send(requests::to_outgoing(control, state.traceparent));
}

}  // namespace p2p::dispatch
