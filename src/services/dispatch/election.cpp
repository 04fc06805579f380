#include "services/dispatch/election.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>
#include <vector>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"

namespace p2p::dispatch {
namespace {

constexpr std::chrono::milliseconds kPoll{100};

}  // namespace

void Election::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    polls_.stamp();
    try {
      if (leader_.poll(kPoll) && !leads_ && requests_.followed()) acquire(stop);
    } catch (const Error& error) {
      log::warn("cannot become the leader; trying again", {{"error", error.what()}});
      pause(std::chrono::seconds(1), stop);
    }
  }
  leader_.leave();
}

void Election::resign() {
  {
    const auto held = lock();
    if (leads_) log::info("leads no longer");
    leads_ = false;
    sender_.lead(false);
  }
  sender_.flush(std::chrono::seconds(5));  // sent requests must be in the topics before another leader reads them
}

void Election::acquire(const std::stop_token& stop) {
  if (!catch_up(stop)) return;
  std::vector<RequestState> states;
  std::map<std::string, Time> models;
  std::vector<std::string> unfinished;
  queue_.with_dispatcher([&](const Dispatcher& dispatcher) {
    std::ranges::copy(dispatcher.waiting() | std::views::keys, std::back_inserter(unfinished));
    std::ranges::copy(dispatcher.sent() | std::views::keys, std::back_inserter(unfinished));
  });
  for (const std::string& id : unfinished) {
    auto state = requests_.find(id);
    if (!state || state->status != RequestState::Status::queued) continue;
    Time& oldest = models.try_emplace(state->request.model, state->request.time).first->second;
    oldest = std::min(oldest, state->request.time);
    states.push_back(std::move(*state));
  }
  const auto sent = sent_since(models, stop);
  const auto held = lock();
  if (!sent || !leader_.leads()) return;
  for (const RequestState& state : states) sender_.reconcile(state, *sent);
  leads_ = true;
  sender_.lead(true);
  log::info("leads", {{"waiting", states.size()}, {"sent", sent->size()}});
}

bool Election::catch_up(const std::stop_token& stop) {
  const auto ends = bus_.read_log(std::string(messages::kEventsTopic), {})->positions();
  while (!stop.stop_requested() && leader_.poll(kPoll)) {
    polls_.stamp();
    const auto followed = requests_.followed();
    const auto is_reached = [&](const auto& end) {
      const auto at = followed->find(end.first);
      return at != followed->end() && at->second >= end.second;
    };
    if (followed && std::ranges::all_of(ends, is_reached)) return true;
  }
  return false;
}

std::optional<std::map<std::string, Sender::SentTo>> Election::sent_since(const std::map<std::string, Time>& models,
                                                                          const std::stop_token& stop) {
  std::map<std::string, Sender::SentTo> sent;
  for (const auto& [model, oldest] : models) {
    const std::string topic = messages::requests_topic(model);
    if (!bus_.backlog(std::string(messages::kWorkersGroup), topic).topic_exists) continue;
    const auto reader = bus_.read_log(topic, {.offsets = {}, .since = oldest - std::chrono::minutes(1)});
    while (!reader->caught_up()) {
      if (stop.stop_requested() || !leader_.poll({})) return std::nullopt;
      polls_.stamp();
      for (const bus::Record& record : reader->poll(kPoll)) {
        const auto request = messages::decode_request(record.value);
        if (request && request->dispatch >= sent[request->id].dispatch) sent[request->id] = {request->dispatch, record.partition};
      }
    }
  }
  return sent;
}

}  // namespace p2p::dispatch
