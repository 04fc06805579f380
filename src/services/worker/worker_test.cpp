#include "services/worker/worker_test.hpp"
#include "services/worker/input_store.hpp"

namespace p2p::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(WorkerTest, DrawsStoresPublishesAndCommits) {
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_THAT(history("a"), ElementsAre("started", "prior", "storing", "finished"));
  const Event end = events("a").back();
  const auto& images = std::get<messages::Finished>(end.what).images;
  ASSERT_EQ(images.size(), 1u);
  EXPECT_EQ(images[0].key, messages::image_key("a", end.time, 1));
  EXPECT_EQ(store.get(images[0].key), "PNG of a");
  EXPECT_EQ(end.worker, "w1");
  EXPECT_EQ(std::get<messages::Started>(events("a")[0].what).attempt, 1);
  EXPECT_TRUE(eventually([&] { return committed() == 1; }));
  EXPECT_EQ(worker->problem(), "");
  EXPECT_THAT(metrics.text(), HasSubstr("prompt2pic_worker_requests_total{model=\"flat\",outcome=\"finished\""));
}

TEST_F(WorkerTest, FormatIsPartOfKey) {
  start();
  for (const auto& [format, ending] : {std::pair("jpeg", ".jpg"), {"webp", ".webp"}}) {
    send(format, encode(messages::Request{.id = format, .time = now(), .model = "flat", .prompt = "a fox", .output_format = format}));
    wait_for_end(format);
    const std::string key = last<messages::Finished>(format).images.at(0).key;
    EXPECT_TRUE(key.ends_with(std::string(format) + "-1" + ending)) << key;
    EXPECT_EQ(store.get(key), "PNG of " + std::string(format));
  }
}

TEST_F(WorkerTest, DrawsSeveralPicturesOfOneRequest) {
  start();
  send("a", encode(messages::Request{.id = "a", .time = now(), .model = "flat", .prompt = "a fox", .seed = 7, .count = 3}));
  wait_for_end("a");
  const Event end = events("a").back();
  const auto& finished = std::get<messages::Finished>(end.what);
  ASSERT_EQ(finished.images.size(), 3u);
  for (int n = 1; n <= 3; ++n) {
    const auto& image = finished.images[static_cast<std::size_t>(n - 1)];
    EXPECT_EQ(image.key, messages::image_key("a", end.time, n));
    EXPECT_EQ(image.seed, static_cast<std::uint64_t>(6 + n));
    EXPECT_EQ(store.get(image.key), "PNG of a");
  }
  EXPECT_EQ(generator->drawings, 3);
  double before = 0;
  for (const Event& event : events("a")) {
    const auto* const progress = event.as<messages::Progress>();
    if (!progress) continue;
    EXPECT_GE(progress->fraction, before) << "the bar never goes back";
    before = progress->fraction;
  }
  EXPECT_EQ(before, 1);
  EXPECT_NEAR(finished.seconds.at("prior"), 0.3, 1e-9);
  EXPECT_TRUE(eventually([&] { return committed() == 1; }));
}

TEST_F(WorkerTest, HandsBackBetweenTwoPictures) {
  start();
  messages::Request request{.id = "a", .time = now(), .model = "flat", .prompt = "a fox", .seed = 7, .count = 3, .picture = 1};
  // The next message may come before the delivery report of the handed_back event.
  bus.hold_reports(true);
  for (; request.picture <= 3; ++request.picture, ++request.dispatch) {
    send("a", encode(request));
    const auto is_published = [&] { return events("a").size() >= 4u * static_cast<unsigned>(request.picture); };
    ASSERT_TRUE(eventually(is_published)) << "picture " << request.picture;
    const Event last = events("a").back();
    const auto* const back = last.as<messages::HandedBack>();
    EXPECT_EQ(back != nullptr, request.picture < 3);
    const auto& images = back ? back->images : std::get<messages::Finished>(last.what).images;
    ASSERT_EQ(images.size(), 1u);
    EXPECT_EQ(images[0].key, messages::image_key("a", request.time, request.picture));
    EXPECT_EQ(images[0].seed, 6u + static_cast<unsigned>(request.picture));
    EXPECT_EQ(last.dispatch, request.dispatch);
  }
  bus.hold_reports(false);
  EXPECT_EQ(generator->drawings, 3);
  EXPECT_TRUE(eventually([&] { return committed() == 3; }));
}

TEST_F(WorkerTest, EventsContinueTraceOfRequest) {
  start();
  ask("a");
  wait_for_end("a");
  const auto request = bus.records(kTopic)[0];
  for (const auto& event : bus.records(kEvents))
    EXPECT_EQ(event.header("traceparent").substr(0, 35), request.header("traceparent").substr(0, 35));
}

TEST_F(WorkerTest, FailsUnsupportedRequests) {
  start();
  ask("a", "bad");
  ask("b", "throw");
  ask("c", "unsafe");
  wait_for_end("a");
  wait_for_end("b");
  wait_for_end("c");
  EXPECT_EQ(last<messages::Failed>("a").reason, messages::reason::kCannotDo);
  EXPECT_EQ(last<messages::Failed>("a").detail, "width is 5");
  EXPECT_EQ(last<messages::Failed>("b").reason, messages::reason::kDrawingFailed);
  EXPECT_EQ(last<messages::Failed>("c").reason, messages::reason::kWithheld);
  EXPECT_TRUE(eventually([&] { return committed() == 3; }));
}

TEST_F(WorkerTest, GivesTheGeneratorThePictureToBeginWith) {
  generator->features = {std::string(messages::feature::kImage)};
  const std::string key = "inputs/2026/11/24/a.png";
  store.put(key, " on a photo", "image/png");
  start();
  ask_with("a", key);
  wait_for_end("a");
  EXPECT_EQ(store.objects().at(last<messages::Finished>("a").images.at(0).key), "PNG of a on a photo");
}

TEST_F(WorkerTest, FailsWithoutThePictureToBeginWith) {
  start();
  ask_with("a", "inputs/2026/11/24/a.png");
  wait_for_end("a");
  EXPECT_EQ(last<messages::Failed>("a").reason, messages::reason::kCannotDo) << "as the model takes no pictures";
  stop();
  generator->features = {std::string(messages::feature::kImage)};
  start();
  ask_with("b", "inputs/2026/11/24/b.png");
  wait_for_end("b");
  EXPECT_EQ(last<messages::Failed>("b").reason, messages::reason::kInputMissing);
  EXPECT_EQ(last<messages::Failed>("b").detail, "the picture to begin with, inputs/2026/11/24/b.png, is not in the store");
  EXPECT_EQ(generator->drawings, 0);
}

TEST(InputStore, RetriesWhileTheStoreDoesNotAnswer) {
  p2p::testing::MemoryStore store;
  const std::string key = "inputs/2026/11/24/a.png";
  store.put(key, "photo", "image/png");
  store.failures = 1;
  EXPECT_EQ(fetch_input(store, key, std::chrono::milliseconds(100), {}), "photo");
  store.failures = 1000;
  EXPECT_THROW(fetch_input(store, key, std::chrono::milliseconds(0), {}), Error);
  store.kind = blob::BlobError::Kind::refused;
  EXPECT_THROW(fetch_input(store, key, std::chrono::hours(1), {}), Error) << "waiting does not help";
  store.kind = blob::BlobError::Kind::unavailable;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(fetch_input(store, key, std::chrono::hours(1), stop.get_token()), Cancelled);
}

TEST_F(WorkerTest, SendsUnreadableMessagesToDeadLetters) {
  start();
  send("key-1", "not JSON");
  send("", R"({"schema_version":2,"id":"of-the-future","time":"2026-11-24T00:00:00Z"})");
  send("", "\xff\xfe");
  send("", encode(messages::Request{.id = "other", .time = now(), .model = "emoji", .prompt = "x", .seed = 1}));
  ASSERT_TRUE(bus.wait_for(std::string(messages::kDeadLettersTopic), 4));
  for (const char* id : {"key-1", "of-the-future", "other"}) {
    wait_for_end(id);
    EXPECT_EQ(last<messages::Failed>(id).reason, messages::reason::kUnreadable);
  }
  const auto dead_letter = messages::decode_dead_letter(bus.records(std::string(messages::kDeadLettersTopic))[0].value);
  ASSERT_TRUE(dead_letter) << dead_letter.error();
  EXPECT_EQ(dead_letter->original, "not JSON");
  EXPECT_EQ(dead_letter->topic, kTopic);
  EXPECT_TRUE(eventually([&] { return committed() == 4; }));
}

TEST_F(WorkerTest, CancelsQueuedAndDrawingRequests) {
  start();
  ask("a", "wait");
  ask("b", "wait");
  wait_for_start("a");
  send_control("b", messages::Control::Type::cancel);
  wait_for_end("b");
  EXPECT_THAT(history("b"), ElementsAre("cancelled"));
  send_control("a", messages::Control::Type::cancel);
  wait_for_end("a");
  EXPECT_THAT(history("a"), ElementsAre("started", "prior", "cancelled"));
  EXPECT_TRUE(eventually([&] { return committed() == 2; }));
}

TEST_F(WorkerTest, EndsTooLongDrawing) {
  draw_within = std::chrono::milliseconds(100);
  start();
  ask("a", "wait");
  ask("b");
  wait_for_end("a");
  EXPECT_EQ(last<messages::Failed>("a").reason, messages::reason::kTooLong);
  wait_for_end("b");
  EXPECT_THAT(history("b").back(), "finished");
  EXPECT_TRUE(eventually([&] { return committed() == 2; }));
}

TEST_F(WorkerTest, AppliesCancelFromBeforeStart) {
  send_control("a", messages::Control::Type::cancel);
  start();
  // When a later control message has had its effect, the worker has read the earlier one too.
  ask("later", "wait");
  wait_for_start("later");
  send_control("later", messages::Control::Type::cancel);
  wait_for_end("later");
  ask("a");
  wait_for_end("a");
  EXPECT_THAT(history("a"), ElementsAre("cancelled"));
}

TEST_F(WorkerTest, ReleaseHandsBackOnlyUnstartedRequests) {
  start();
  ask("a", "wait");
  ask("b", "wait", 3);
  send("c", "no JSON");  // its dead dead_letter shows that the worker has read b
  wait_for_start("a");
  EXPECT_TRUE(bus.wait_for(std::string(messages::kDeadLettersTopic), 1));
  send_control("a", messages::Control::Type::release, 1);
  send_control("b", messages::Control::Type::release, 2);
  send_control("b", messages::Control::Type::release, 3);
  EXPECT_TRUE(eventually([&] { return history("b") == std::vector<std::string>{"handed_back"}; }));
  EXPECT_EQ(events("b")[0].dispatch, 3);
  generator->release();
  wait_for_end("a");
  EXPECT_EQ(history("a").back(), "finished");
}

TEST_F(WorkerTest, RetriesRequestOfDeadWorkerAsSecondAttempt) {
  start();
  ask("a", "wait");
  wait_for_start("a");
  crash();
  start("w2");
  generator->release();
  wait_for_end("a");
  EXPECT_EQ(history("a").back(), "finished");
  EXPECT_EQ(std::ranges::count(history("a"), "finished"), 1);
  EXPECT_TRUE(std::ranges::any_of(events("a"), [](const Event& event) {
    const auto* const started = event.as<messages::Started>();
    return started && started->attempt == 2 && event.worker == "w2";
  }));
}

TEST_F(WorkerTest, SendsRequestThatCrashedTwoWorkersToDeadLetters) {
  for (const char* name : {"w1", "w2"}) {
    start(name);
    if (std::string(name) == "w1") ask("a", "wait");
    EXPECT_TRUE(eventually([&] { return std::ranges::any_of(events("a"), [&](const Event& event) { return event.worker == name; }); }));
    crash();
  }
  start("w3");
  wait_for_end("a");
  EXPECT_EQ(last<messages::Failed>("a").reason, messages::reason::kKilledWorker);
  EXPECT_TRUE(bus.wait_for(std::string(messages::kDeadLettersTopic), 1));
  EXPECT_TRUE(eventually([&] { return committed() == 1; }));
}

TEST_F(WorkerTest, SkipsRepeatedRequestThatHasEnded) {
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_TRUE(eventually([&] { return committed() == 1; }));
  stop();
  const int drawings = generator->drawings;
  ask("a");  // as after a lost commit
  start("w2");
  EXPECT_TRUE(eventually([&] { return committed() == 2; }));
  EXPECT_EQ(generator->drawings, drawings);
}

TEST_F(WorkerTest, SkipsRepeatedRequestThatEndedElsewhere) {
  start();
  ask("a");
  wait_for_end("a");
  stop();
  start("w2");
  ask("b", "a fox", 1, 1);
  wait_for_end("b");
  EXPECT_TRUE(eventually([&] { return bus.is_read(kEvents); }));
  const int drawings = generator->drawings;
  ask("a");
  EXPECT_TRUE(eventually([&] { return committed() == 2; }));
  EXPECT_EQ(generator->drawings, drawings);
  EXPECT_EQ(std::ranges::count(history("a"), "finished"), 1);
}

}  // namespace
}  // namespace p2p::worker
