#include "services/dispatch/testing/dispatch_fixture.hpp"

namespace p2p::dispatch {
namespace {

TEST_F(DispatchTest, DispatchesAcceptedRequest) {
  const FakeWorker worker(bus);
  Instance api(bus, metrics);
  const std::string id = api.accept("c", request_for("a fox", 3));
  const RequestState entry = settled(api, id);
  EXPECT_EQ(entry.request.seed, 7u);
  EXPECT_EQ(entry.status, Status::finished);
  ASSERT_EQ(entry.images.size(), 3u);
  EXPECT_EQ(entry.images[2].seed, 9u);
  EXPECT_EQ(entry.images[2].key, messages::image_key(id, entry.request.time, 3));
}

TEST_F(DispatchTest, OtherRequestsTakeTurnsBetweenPictures) {
  auto worker = join_workers(bus);
  Instance api(bus, metrics, {.dispatch = {.user_in_flight = 1}});
  const std::string big = api.accept("c", request_for("a fox", 10));
  ASSERT_TRUE(bus.wait_for(kTopic, 1));
  const std::string small = api.accept("d", request_for("a cat"));
  const auto request = messages::decode_request(bus.records(kTopic).front().value);
  ASSERT_EQ(request->id, big);
  EXPECT_EQ(request->picture, 1);
  publish(big, messages::Started{});
  publish(big, messages::HandedBack{.images = {{messages::image_key(big, request->time, 1), 64, 64, 7, 100}}});
  ASSERT_TRUE(bus.wait_for(kTopic, 2));
  const auto all = bus.records(kTopic);
  EXPECT_TRUE(std::ranges::any_of(all, [&](const auto& record) { return record.key == small; }));
  EXPECT_TRUE(eventually([&] { return api->find("c", big)->state.fraction == 0.1; }));
}

TEST_F(DispatchTest, HidesRequestsFromOtherClients) {
  Instance api(bus, metrics);
  const std::string id = api.accept("c", request_for());
  EXPECT_TRUE(api->find("c", id));
  EXPECT_FALSE(api->find("d", id));
  EXPECT_FALSE(api.cancel("d", id));
  EXPECT_FALSE(api->find("d", id));
}

TEST_F(DispatchTest, WatchIsNotifiedOfChangesAndStop) {
  std::atomic<int> wakes = 0;
  std::shared_ptr<void> watch, ended;
  {
    Instance api(bus, metrics);
    watch = api.client.watch("a", [&] { ++wakes; });
    ended = api.client.watch("a", [&] { wakes += 1000; });
    ended.reset();
    send_accepted("a");
    EXPECT_TRUE(eventually([&] { return wakes == 1; }));
    EXPECT_TRUE(api.cancel("c", "a"));
    EXPECT_EQ(settled(api, "a").status, Status::cancelled);
    EXPECT_TRUE(eventually([&] { return wakes >= 2; }));
    const int before = wakes;
    api.stop();
    EXPECT_GT(wakes, before);
    watch.reset();
  }
  EXPECT_LT(wakes, 1000);
}

TEST_F(DispatchTest, CancelsAWaitingRequestAtOnce) {
  Instance api(bus, metrics);
  const std::string id = api.accept("c", request_for());
  EXPECT_TRUE(api.cancel("c", id));
  EXPECT_EQ(settled(api, id).status, Status::cancelled);
  EXPECT_TRUE(api.cancel("c", id)) << "a second time changes nothing";
  EXPECT_EQ(sent(), 0u);
}

TEST_F(DispatchTest, AppliesACancelReadBeforeItsRequest) {
  send_cancel("a");
  Instance api(bus, metrics);
  // When a later control message has had its effect, the instance has read the earlier one too.
  const std::string later = api.accept("c", request_for());
  send_cancel(later);
  EXPECT_EQ(settled(api, later).status, Status::cancelled);
  send_accepted("a");
  EXPECT_TRUE(eventually([&] { return api->find("c", "a").has_value(); }));
  EXPECT_EQ(settled(api, "a").status, Status::cancelled);
  EXPECT_EQ(sent(), 0u);
}

TEST_F(DispatchTest, PublishesTheCancelOfADrawingRequest) {
  const FakeWorker worker(bus);
  Instance api(bus, metrics);
  const std::string id = api.accept("c", request_for("wait"));
  EXPECT_TRUE(eventually([&] { return api->find("c", id)->state.status == Status::drawing; }));
  EXPECT_TRUE(api.cancel("c", id));
  const auto controls = bus.records(std::string(messages::kControlTopic));
  ASSERT_FALSE(controls.empty());
  EXPECT_EQ(messages::decode_control(controls.back().value)->id, id);
  EXPECT_TRUE(api->find("c", id)->state.cancelling);
}

TEST_F(DispatchTest, WaitingRequestOutlivesItsInstance) {
  std::string id;
  {
    Instance first(bus, metrics);
    id = first.accept("c", request_for());
  }
  const FakeWorker worker(bus);
  Instance second(bus, metrics);
  EXPECT_TRUE(second->find("c", id));
  EXPECT_EQ(settled(second, id).status, Status::finished);
}

TEST_F(DispatchTest, NewInstanceSendsNoRequestTwice) {
  std::string id;
  {
    const auto reads_nothing = join_workers(bus);
    Instance first(bus, metrics);
    id = first.accept("c", request_for());
    EXPECT_TRUE(bus.wait_for(kTopic, 1));
  }
  const FakeWorker worker(bus);
  Instance second(bus, metrics);
  EXPECT_EQ(settled(second, id).status, Status::finished);
  const std::string next = second.accept("c", request_for());
  EXPECT_EQ(settled(second, next).status, Status::finished);
  EXPECT_EQ(sent(), 2u);
}

TEST_F(DispatchTest, OnlyOneOfSeveralInstancesSends) {
  const FakeWorker worker(bus);
  Instance first(bus, metrics);
  Instance second(bus, metrics);
  for (int i = 0; i < 10; ++i) {
    const std::string id = (i % 2 == 0 ? first : second).accept("c", request_for());
    Instance& other = i % 2 == 0 ? second : first;
    EXPECT_TRUE(eventually([&] { return other->find("c", id).has_value(); })) << "both instances have it";
    EXPECT_EQ(settled(other, id).status, Status::finished);
  }
  EXPECT_EQ(sent(), 10u);
}

TEST_F(DispatchTest, SendsHandedBackRequestAgain) {
  const auto reads_nothing = join_workers(bus);
  Instance api(bus, metrics);
  const std::string id = api.accept("c", request_for());
  EXPECT_TRUE(bus.wait_for(kTopic, 1));
  publish(id, messages::HandedBack{.failed_attempts = 1});
  EXPECT_TRUE(bus.wait_for(kTopic, 2));
  const auto again = messages::decode_request(bus.records(kTopic).back().value);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->dispatch, 2);
  EXPECT_EQ(again->failed_attempts, 1);
}

TEST_F(DispatchTest, IgnoresThePictureOfAnotherRequest) {
  Instance api(bus, metrics);
  const std::string id = api.accept("c", request_for());
  messages::Finished finished{.images = {{messages::image_key("another", now(), 1), 64, 64, 1, 100}}};
  publish(id, finished);
  finished.images[0].key = messages::image_key(id, api->find("c", id)->state.request.time, 1);
  publish(id, finished);
  const RequestState state = settled(api, id);
  EXPECT_EQ(state.status, Status::finished);
  EXPECT_EQ(state.images.at(0).key, finished.images[0].key);
}

TEST_F(DispatchTest, FailsRequestThatKafkaRefuses) {
  Instance api(bus, metrics);
  const auto workers = join_workers(bus);
  ASSERT_TRUE(eventually([&] { return api.dispatch.models().contains("flat"); }));
  bus.refuse(kTopic, {"Message size too large", true});
  EXPECT_EQ(settled(api, api.accept("c", request_for())).status, Status::failed);
}

TEST_F(DispatchTest, LeaderSendsExpiredMessageAgain) {
  Instance api(bus, metrics);
  const auto workers = join_workers(bus);
  ASSERT_TRUE(eventually([&] { return api.dispatch.models().contains("flat"); }));
  bus.refuse(kTopic, {.text = "expired", .expired = true});
  const std::string id = api.accept("c", request_for());
  ASSERT_TRUE(eventually([&] { return api.dispatch.estimate(id).with_worker; }));
  bus.refuse(kTopic, {});
  ASSERT_TRUE(bus.wait_for(kTopic, 1));
  const auto sent = messages::decode_request(bus.records(kTopic).front().value);
  EXPECT_EQ(sent->id, id);
  EXPECT_EQ(sent->dispatch, 1);
}

TEST_F(DispatchTest, SendsAgainAfterTopicWasRecreated) {
  Instance api(bus, metrics);
  const auto workers = join_workers(bus);
  ASSERT_TRUE(eventually([&] { return api.dispatch.models().contains("flat"); }));
  const std::string id = api.accept("c", request_for());
  ASSERT_TRUE(bus.wait_for(kTopic, 1));
  bus.make_anew(kTopic);
  ASSERT_TRUE(bus.wait_for(kTopic, 1));
  const auto again = messages::decode_request(bus.records(kTopic).front().value);
  EXPECT_EQ(again->id, id);
  EXPECT_EQ(again->dispatch, 2);
}

TEST_F(DispatchTest, ModelWithDeletedTopicIsUnavailable) {
  Instance api(bus, metrics);
  auto workers = join_workers(bus);
  ASSERT_TRUE(eventually([&] { return api.dispatch.models().contains("flat"); }));
  workers.reset();
  bus.remove(kTopic);
  ASSERT_TRUE(eventually([&] { return api.dispatch.models().empty(); }));
  try {
    api.accept("c", request_for());
    FAIL();
  } catch (const Refused& error) {
    EXPECT_EQ(error.reason(), Refused::Reason::unavailable);
  }
}

}  // namespace
}  // namespace p2p::dispatch
