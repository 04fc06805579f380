#include "services/api/api.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "services/api/openai.hpp"
#include "services/testing/memory_bus.hpp"

namespace p2p::api {
namespace {

using messages::Event;
using messages::EventType;
using Status = Entry::Status;

const std::string kTopic = "prompt2pic.requests.flat";
const std::string kEvents(messages::kEventsTopic);

/// An instance of the API on a bus, from its making to its end.
class Instance {
 public:
  Instance(bus::Bus& bus, Metrics& metrics, ApiConfig config = {}) : api(bus, metrics, config) {
    for (int i = 0; i < 5000 && !api.problem().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_EQ(api.problem(), "");
  }
  Api* operator->() { return &api; }

  Api api;
  std::jthread thread{[this](const std::stop_token& stop) { api.run(stop); }};
};

/// A worker that draws at once, but for the prompt "wait".
class FakeWorker {
 public:
  explicit FakeWorker(bus::Bus& bus) : bus_(bus) {}

 private:
  void work(const std::stop_token& stop) {
    const auto producer = bus_.producer();
    const auto membership = bus_.subscribe(std::string(messages::kWorkersGroup), {kTopic}, {});
    while (!stop.stop_requested()) {
      for (const bus::Record& record : membership->poll(std::chrono::milliseconds(5))) {
        const auto request = messages::decode_request(record.value);
        ASSERT_TRUE(request) << request.error();
        Event event{
            .id = request->id, .time = now(), .type = EventType::started, .worker = "worker", .dispatch = request->dispatch, .attempt = 1};
        tell(*producer, event);
        if (request->prompt == "wait") continue;
        event.type = EventType::finished;
        for (int n = 1; n <= request->count; ++n)
          event.images.push_back({messages::image_key(request->id, request->time, n), 64, 64, messages::seed_of(*request, n), 100});
        tell(*producer, event);
        membership->done(record.place(), record.offset);
      }
    }
  }
  static void tell(bus::Producer& producer, const Event& event) {
    producer.send({.topic = kEvents, .partition = std::nullopt, .key = event.id, .value = messages::encode(event), .headers = {}});
  }

  bus::Bus& bus_;
  std::jthread thread_{[this](const std::stop_token& stop) { work(stop); }};
};

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override { bus.ensure_topics({{kTopic, 2}, {kEvents, 2}, {std::string(messages::kControlTopic), 1}}); }

  static messages::Request wish(const std::string& prompt = "a fox", int count = 1) {
    return {.model = "flat", .prompt = prompt, .seed = 7, .count = count};
  }
  static messages::Request wish_of(const std::string& id) {
    messages::Request request = wish();
    request.id = id;
    request.time = now();
    return request;
  }
  static Entry settled(Instance& api, const std::string& id, const std::string& client = "c") {
    const auto view = api->wait(client, id, std::chrono::seconds(10));
    return view ? view->entry : Entry{};
  }
  template <typename Condition>
  static bool within(const Condition& condition) {
    for (int i = 0; i < 5000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  /// It has joined, and reads no request.
  std::unique_ptr<bus::Subscription> busy_worker() {
    auto membership = bus.subscribe(std::string(messages::kWorkersGroup), {kTopic}, {});
    membership->poll(std::chrono::milliseconds(0));
    return membership;
  }
  /// How often a request was sent to workers.
  std::size_t sent() { return bus.records(kTopic).size(); }

  p2p::testing::MemoryBus bus;
  Metrics metrics;
};

TEST_F(ApiTest, WhatIsAcceptedIsDrawn) {
  Instance api(bus, metrics);
  const FakeWorker worker(bus);
  const View view = api->accept("c", wish("a fox", 3), "");
  EXPECT_EQ(view.entry.request.prompt, "a fox");
  const Entry entry = settled(api, view.entry.request.id);
  EXPECT_EQ(entry.status, Status::finished);
  ASSERT_EQ(entry.images.size(), 3u);
  EXPECT_EQ(entry.images[2].seed, 9u);
  EXPECT_EQ(entry.images[2].key, messages::image_key(view.entry.request.id, view.entry.request.time, 3));
}

TEST_F(ApiTest, OthersDoNotSeeIt) {
  Instance api(bus, metrics);
  const std::string id = api->accept("c", wish(), "").entry.request.id;
  EXPECT_TRUE(api->find("c", id));
  EXPECT_FALSE(api->find("d", id));
  EXPECT_FALSE(api->cancel("d", id));
  EXPECT_FALSE(api->wait("d", id, std::chrono::seconds(0)));
}

TEST_F(ApiTest, ARepeatedCallIsTheSameRequest) {
  Instance api(bus, metrics);
  const FakeWorker worker(bus);
  const std::string id = api->accept("c", wish(), "order 1").entry.request.id;
  EXPECT_TRUE(messages::is_request_id(id));
  EXPECT_EQ(settled(api, id).status, Status::finished);
  EXPECT_EQ(api->accept("c", wish(), "order 1").entry.status, Status::finished);
  EXPECT_NE(api->accept("c", wish(), "order 2").entry.request.id, id);
  EXPECT_NE(api->accept("d", wish(), "order 1").entry.request.id, id);
}

TEST_F(ApiTest, LimitsHold) {
  Instance api(bus, metrics, {.user_queue = 2, .user_per_day = 3});
  const auto code_of = [&](const std::string& client, const std::string& model = "flat") {
    try {
      messages::Request request = wish();
      request.model = model;
      api->accept(client, request, "");
      return std::string();
    } catch (const ApiError& error) {
      return error.code();
    }
  };
  EXPECT_EQ(code_of("c", "nobody-s"), "model_not_found");
  EXPECT_EQ(code_of("c"), "");
  EXPECT_EQ(code_of("c"), "");
  EXPECT_EQ(code_of("c"), "queue_full");
  EXPECT_EQ(code_of("d"), "") << "one client's limit is not another's";
  const FakeWorker worker(bus);
  EXPECT_TRUE(within([&] { return code_of("c").empty(); }));
  EXPECT_TRUE(within([&] { return code_of("c") == "day_full"; }));
}

TEST_F(ApiTest, TheOldestThatEndedAreForgotten) {
  Instance api(bus, metrics, {.most_entries = 3});
  std::vector<std::string> ids{api->accept("c", wish(), "").entry.request.id};
  for (int i = 0; i < 4; ++i) {
    ids.push_back(api->accept("c", wish(), "").entry.request.id);
    EXPECT_TRUE(api->cancel("c", ids.back()));
    settled(api, ids.back());
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_TRUE(within([&] { return !api->find("d", ids[1]) && !api->wait("c", ids[1], std::chrono::seconds(0)); }));
  EXPECT_TRUE(api->find("c", ids[0])) << "it waits";
  EXPECT_TRUE(api->find("c", ids[4]));
}

TEST_F(ApiTest, WhatWaitsIsCancelledAtOnce) {
  Instance api(bus, metrics);
  const std::string id = api->accept("c", wish(), "").entry.request.id;
  EXPECT_TRUE(api->cancel("c", id));
  EXPECT_EQ(settled(api, id).status, Status::cancelled);
  EXPECT_TRUE(api->cancel("c", id)) << "a second time changes nothing";
  EXPECT_EQ(sent(), 0u);
}

TEST_F(ApiTest, AWishThatIsReadFirstCounts) {
  const messages::Control wish{.id = "a", .time = now(), .type = messages::Control::Type::cancel};
  bus.producer()->send({.topic = std::string(messages::kControlTopic),
                        .partition = std::nullopt,
                        .key = "a",
                        .value = messages::encode(wish),
                        .headers = {}});
  Instance api(bus, metrics);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  Event accepted{.id = "a", .time = now(), .type = EventType::accepted};
  accepted.request = wish_of("a");
  accepted.client = "c";
  bus.producer()->send({.topic = kEvents, .partition = std::nullopt, .key = "a", .value = messages::encode(accepted), .headers = {}});
  EXPECT_TRUE(within([&] { return api->find("c", "a").has_value(); }));
  EXPECT_EQ(settled(api, "a").status, Status::cancelled);
  EXPECT_EQ(sent(), 0u);
}

TEST_F(ApiTest, WhatIsDrawnIsCancelledByItsWorker) {
  Instance api(bus, metrics);
  const FakeWorker worker(bus);
  const std::string id = api->accept("c", wish("wait"), "").entry.request.id;
  EXPECT_TRUE(within([&] { return api->find("c", id)->entry.status == Status::drawing; }));
  EXPECT_TRUE(api->cancel("c", id));
  const auto wishes = bus.records(std::string(messages::kControlTopic));
  ASSERT_FALSE(wishes.empty());
  EXPECT_EQ(messages::decode_control(wishes.back().value)->id, id);
  EXPECT_TRUE(api->find("c", id)->entry.cancelling);
}

TEST_F(ApiTest, WhatWaitedOutlivesTheInstance) {
  std::string id;
  {
    Instance first(bus, metrics);
    id = first->accept("c", wish(), "").entry.request.id;
  }
  Instance second(bus, metrics);
  EXPECT_TRUE(second->find("c", id));
  const FakeWorker worker(bus);
  EXPECT_EQ(settled(second, id).status, Status::finished);
}

TEST_F(ApiTest, WhatWasSentIsNotSentAgain) {
  std::string id;
  {
    const auto busy = busy_worker();
    Instance first(bus, metrics);
    id = first->accept("c", wish(), "").entry.request.id;
    EXPECT_TRUE(bus.wait_for(kTopic, 1));
  }
  Instance second(bus, metrics);
  const FakeWorker worker(bus);
  EXPECT_EQ(settled(second, id).status, Status::finished);
  const std::string next = second->accept("c", wish(), "").entry.request.id;
  EXPECT_EQ(settled(second, next).status, Status::finished);
  EXPECT_EQ(sent(), 2u);
}

TEST_F(ApiTest, OfSeveralInstancesOneSends) {
  Instance first(bus, metrics);
  Instance second(bus, metrics);
  const FakeWorker worker(bus);
  for (int i = 0; i < 10; ++i) {
    const std::string id = (i % 2 == 0 ? first : second)->accept("c", wish(), "").entry.request.id;
    Instance& other = i % 2 == 0 ? second : first;
    EXPECT_TRUE(other->find("c", id)) << "either knows of it";
    EXPECT_EQ(settled(other, id).status, Status::finished);
  }
  EXPECT_EQ(sent(), 10u);
}

TEST_F(ApiTest, WhatIsHandedBackIsSentAgain) {
  Instance api(bus, metrics);
  const auto busy = busy_worker();
  const std::string id = api->accept("c", wish(), "").entry.request.id;
  EXPECT_TRUE(bus.wait_for(kTopic, 1));
  Event back{.id = id, .time = now(), .type = EventType::progress, .worker = "worker", .dispatch = 1};
  back.stage = "handed_back";
  back.strikes = 1;
  bus.producer()->send({.topic = kEvents, .partition = std::nullopt, .key = id, .value = messages::encode(back), .headers = {}});
  EXPECT_TRUE(bus.wait_for(kTopic, 2));
  const auto again = messages::decode_request(bus.records(kTopic).back().value);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->dispatch, 2);
  EXPECT_EQ(again->strikes, 1);
}

TEST_F(ApiTest, AnotherRequestsPictureIsNotShown) {
  Instance api(bus, metrics);
  const std::string id = api->accept("c", wish(), "").entry.request.id;
  Event event{.id = id, .time = now(), .type = EventType::finished, .worker = "worker", .dispatch = 1};
  event.images = {{messages::image_key("another", now(), 1), 64, 64, 1, 100}};
  bus.producer()->send({.topic = kEvents, .partition = std::nullopt, .key = id, .value = messages::encode(event), .headers = {}});
  EXPECT_EQ(settled(api, id).status, Status::failed);
}

}  // namespace
}  // namespace p2p::api
