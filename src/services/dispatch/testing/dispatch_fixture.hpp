#pragma once

#include <gmock/gmock.h>

#include <thread>

#include "services/dispatch/testing/running_dispatch.hpp"
#include "services/requests/refused.hpp"
#include "services/testing/eventually.hpp"
#include "services/testing/memory_bus.hpp"

/// Fixture of the dispatch tests.
namespace p2p::dispatch {

using messages::Event;
using p2p::testing::eventually;
using Status = requests::RequestState::Status;

inline const std::string kTopic = "prompt2pic.requests.flat";
inline const std::string kEvents(messages::kEventsTopic);

using requests::Refused;
using requests::RequestState;

struct InstanceConfig {
  requests::ClientConfig requests;
  DispatchConfig dispatch;
};

struct View {
  RequestState state;
  Estimate estimate;
};

/// A process with a door, running until it is destroyed.
class Instance : public RunningDispatch {
 public:
  Instance(bus::Bus& bus, Metrics& metrics, const InstanceConfig& config = {})
      : RunningDispatch(bus, metrics, config.requests, config.dispatch) {
    EXPECT_TRUE(eventually([&] { return problem().empty(); })) << problem();
  }
  Instance* operator->() { return this; }
  std::optional<View> find(const std::string& owner, const std::string& id) const {
    const auto state = client.find(owner, id);
    if (!state) return std::nullopt;
    return View{*state, dispatch.estimate(id)};
  }
  /// Submits a request and returns its id once it is stored.
  std::string accept(const std::string& owner, const messages::Request& request, const std::string& repeat_key = "",
                     const std::string& digest = "", bool is_retry = false) {
    dispatch.check_served(request.model);
    const auto submitted = client.submit(owner, request, {.key = repeat_key, .digest = digest, .is_retry = is_retry}, [] {});
    EXPECT_TRUE(eventually([&] { return submitted.storing->is_done(); }));
    return submitted.id;
  }
  bool cancel(const std::string& owner, const std::string& id) {
    const auto storing = client.cancel(owner, id, [] {});
    return storing && eventually([&] { return storing->is_done(); });
  }
};

/// A member of the workers' group that owns its partitions and has read nothing.
inline std::unique_ptr<bus::Subscription> join_workers(bus::Bus& bus) {
  auto membership = bus.subscribe(std::string(messages::kWorkersGroup), {kTopic}, {});
  membership->pause(true);
  membership->poll({});
  membership->pause(false);
  return membership;
}

/// A worker that finishes requests immediately, except for the prompt "wait".
class FakeWorker {
 public:
  explicit FakeWorker(bus::Bus& bus) : producer_(bus.producer()), membership_(join_workers(bus)) {}

 private:
  void work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const bus::Record& record : membership_->poll(std::chrono::milliseconds(5))) {
        const auto request = messages::decode_request(record.value);
        ASSERT_TRUE(request) << request.error();
        publish(*request, messages::Started{});
        if (request->prompt == "wait") continue;
        const bool one = request->picture > 0;
        std::vector<messages::StoredImage> images;
        for (int n = one ? request->picture : 1; n <= (one ? request->picture : request->count); ++n)
          images.push_back({messages::image_key(request->id, request->time, n), 64, 64, messages::seed_of(*request, n), 100});
        if (one && request->picture < request->count) {
          publish(*request, messages::HandedBack{.images = images});
        } else {
          publish(*request, messages::Finished{.images = images});
        }
        membership_->done(record.topic_partition(), record.offset);
      }
    }
  }
  void publish(const messages::Request& request, Event::What what) {
    const Event event{.id = request.id, .time = now(), .worker = "worker", .dispatch = request.dispatch, .what = std::move(what)};
    producer_->send({.topic = kEvents, .partition = std::nullopt, .key = event.id, .value = messages::encode(event), .headers = {}});
  }

  std::unique_ptr<bus::Producer> producer_;
  std::unique_ptr<bus::Subscription> membership_;
  std::jthread thread_{[this](const std::stop_token& stop) { work(stop); }};
};

class DispatchTest : public ::testing::Test {
 protected:
  void SetUp() override { bus.ensure_topics({{kTopic, 2}, {kEvents, 2}, {std::string(messages::kControlTopic), 1}}); }

  static messages::Request request_for(const std::string& prompt = "a fox", int count = 1) {
    return {.model = "flat", .prompt = prompt, .seed = 7, .count = count};
  }
  /// As the worker that the request was sent to first.
  void publish(const std::string& id, Event::What what) {
    send({.id = id, .time = now(), .worker = "worker", .dispatch = 1, .what = std::move(what)});
  }
  void send(const Event& event) {
    bus.producer()->send({.topic = kEvents, .partition = std::nullopt, .key = event.id, .value = messages::encode(event), .headers = {}});
  }
  void send_cancel(const std::string& id) {
    const messages::Control control{.id = id, .time = now(), .type = messages::Control::Type::cancel};
    bus.producer()->send({.topic = std::string(messages::kControlTopic),
                          .partition = std::nullopt,
                          .key = id,
                          .value = messages::encode(control),
                          .headers = {}});
  }
  /// Publishes what another instance would when it accepts a request of the client "c".
  void send_accepted(const std::string& id) {
    messages::Request request = request_for();
    request.id = id;
    request.time = now();
    send({.id = id, .time = request.time, .what = messages::Accepted{.request = request, .client = "c"}});
  }
  static RequestState settled(Instance& api, const std::string& id, const std::string& client = "c") {
    std::optional<View> view;
    eventually([&] { return (view = api->find(client, id)) && view->state.over(); });
    return view ? view->state : RequestState{};
  }
  /// Number of messages sent to workers.
  std::size_t sent() { return bus.records(kTopic).size(); }

  p2p::testing::MemoryBus bus;
  Metrics metrics;
};

}  // namespace p2p::dispatch
