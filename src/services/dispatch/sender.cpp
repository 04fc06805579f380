#include "services/dispatch/sender.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "services/requests/publish.hpp"

namespace p2p::dispatch {
namespace {

std::function<void(const std::string& problem)> log_failure(const std::string& id) {
  return [id](const std::string& problem) { log::error("a message was not delivered", {{"id", id}, {"error", problem}}); };
}

}  // namespace

void Sender::send_next(Time now) {
  const SharedQueue::Work work = queue_.next(now);
  for (const Assignment& assignment : work.to_send) send(assignment.id, assignment.partition);
  for (const std::string& id : work.to_release) {
    if (const auto state = requests_.find(id)) send_control(*state, messages::Control::Type::release, dispatch_of(*state));
  }
}

void Sender::send(const std::string& id, int partition) {
  auto state = requests_.find(id);
  if (!state || state->over()) return;
  messages::Request& request = state->request;
  request.dispatch = dispatch_of(*state);
  publish({.topic = messages::requests_topic(request.model),
           .partition = partition,
           .key = id,
           .value = messages::encode(request),
           .headers = {{"traceparent", messages::child_of(state->traceparent)}, {"type", "request"}}},
          [this, id](const std::string& problem) {
            log::error("a request was not delivered", {{"id", id}, {"error", problem}});
            end(id, messages::Failed{.reason = std::string(messages::reason::kDrawingFailed)});
          });
}

void Sender::publish(const bus::Outgoing& message, const std::function<void(const std::string& problem)>& failed) {
  producer_->send(message, [this, message, failed](const bus::Producer::Problem& problem) {
    if (problem.empty()) return;
    if (!problem.expired) return failed(problem);
    const bool leads = leads_;
    log::warn(leads ? "a message expired; it is sent again" : "a message of a former leader expired",
              {{"id", message.key}, {"topic", message.topic}});
    if (leads) publish(message, failed);
  });
}

void Sender::send_again(const std::string& model) {
  std::vector<Assignment> lost;
  queue_.with_dispatcher([&](const Dispatcher& dispatcher) {
    for (const auto& [id, sent] : dispatcher.sent()) {
      if (sent.entry.request.model == model) lost.push_back({id, sent.partition.value_or(0)});
    }
  });
  for (const auto& [id, partition] : lost) {
    const auto state = requests_.find(id);
    if (!state || state->over()) continue;
    log::warn("a request is sent again: its topic was re-created", {{"id", id}});
    dispatches_[id] = dispatch_of(*state) + 1;
    send(id, partition);
  }
}

void Sender::end(const std::string& id, messages::Event::What how) {
  const auto state = requests_.find(id);
  if (!state || state->over()) return;
  const messages::Event event{.id = id, .time = now(), .what = std::move(how)};
  publish(requests::to_outgoing(event, state->traceparent), log_failure(id));
}

void Sender::reconcile(const RequestState& state, const std::map<std::string, SentTo>& sent) {
  const std::string& id = state.request.id;
  const auto to = sent.find(id);
  if (to != sent.end() && to->second.dispatch >= state.request.dispatch) {
    if (to->second.dispatch > state.request.dispatch) dispatches_[id] = to->second.dispatch;
    queue_.mark_sent(state, to->second.partition);
  } else if (queue_.mark_lost(id)) {
    dispatches_[id] = dispatch_of(state) + 1;  // sent before, and lost with its topic
  }
}

void Sender::tidy() {
  std::erase_if(dispatches_, [&](const auto& item) {
    const auto state = requests_.find(item.first);
    return !state || state->over();
  });
}

void Sender::send_control(const RequestState& state, messages::Control::Type type, int dispatch) {
  const messages::Control control{.id = state.request.id, .time = now(), .type = type, .dispatch = dispatch};
  publish(requests::to_outgoing(control, state.traceparent), log_failure(state.request.id));
}

int Sender::dispatch_of(const RequestState& state) const {
  const auto raised = dispatches_.find(state.request.id);
  return raised == dispatches_.end() ? state.request.dispatch : std::max(state.request.dispatch, raised->second);
}

}  // namespace p2p::dispatch
