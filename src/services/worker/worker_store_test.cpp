#include "services/worker/worker_test.hpp"

namespace p2p::worker {
namespace {

using ::testing::HasSubstr;

/// Two workers of one model; the store of the second always works.
class TwoWorkersTest : public WorkerTest {
 protected:
  TwoWorkersTest() { refused_patience = std::chrono::minutes(1); }
  void start_both() {
    start("w1");
    EXPECT_TRUE(eventually([&] { return members() == 1; }));
    start_second();
    EXPECT_TRUE(eventually([&] { return members() == 2; }));
    bus.name_members("w1");  // this one will return
  }
  void start_second() {
    bus.name_members("w2");
    second = std::make_unique<Worker>(bus, good, metrics, config_of("w2"));
    second_thread = std::jthread([this](const std::stop_token& token) { second->run(token); });
  }
  void refuse() {
    store.kind = blob::BlobError::Kind::refused;
    store.failures = 1'000'000'000;
  }
  void ask_for(int count) {
    for (int i = 0; i < count; ++i) {
      ask("r" + std::to_string(i), "a fox", 1, i % 2);
      sent["r" + std::to_string(i)] = 1;
    }
  }
  /// Sends handed-back requests again, as the dispatcher does. Returns whether all are drawn.
  bool all_drawn() {
    std::size_t drawn = 0;
    for (auto& [id, dispatch] : sent) {
      for (const Event& event : events(id)) {
        if (const auto* const failed = event.as<messages::Failed>()) ADD_FAILURE() << failed->detail.text;
        drawn += event.as<messages::Finished>() != nullptr;
        if (event.as<messages::HandedBack>() && event.dispatch == dispatch) ask(id, "a fox", ++dispatch, static_cast<int>(drawn % 2));
      }
    }
    return drawn == sent.size();
  }
  void TearDown() override {
    second_thread = {};
    second.reset();
    WorkerTest::TearDown();
  }

  p2p::testing::MemoryStore good;
  std::unique_ptr<Worker> second;
  std::jthread second_thread;
  std::map<std::string, int> sent;
};

TEST_F(TwoWorkersTest, RefusedWorkerLeavesRequestsToOther) {
  start_both();
  refuse();
  ask_for(20);
  EXPECT_TRUE(eventually([&] { return all_drawn(); }));
  EXPECT_TRUE(eventually([&] { return members() == 1; }));
  EXPECT_THAT(worker->problem(), HasSubstr("pictures cannot be stored: the store fails on demand"));
  EXPECT_EQ(second->problem(), "");
  for (const auto& [id, dispatch] : sent) {
    for (const Event& event : events(id)) {
      const auto* const back = event.as<messages::HandedBack>();
      EXPECT_EQ(back ? back->failed_attempts : 0, 0) << id;
    }
  }
  store.failures = 0;
  EXPECT_TRUE(eventually([&] { return worker->problem().empty() && members() == 2; }));
}

TEST_F(TwoWorkersTest, WorkerRefusedAtStartTakesNothing) {
  refuse();
  start_second();
  EXPECT_TRUE(eventually([&] { return members() == 1; }));
  EXPECT_TRUE(eventually([&] { return !bus.describe_group(std::string(messages::kWorkersGroup)).members[0].partitions.empty(); }));
  start("w1");
  EXPECT_TRUE(eventually([&] { return worker->problem().starts_with("pictures cannot be stored"); }));
  ask_for(20);
  EXPECT_TRUE(eventually([&] { return all_drawn(); }));
  for (const auto& [id, dispatch] : sent) EXPECT_EQ(dispatch, 1) << id;
}

TEST_F(TwoWorkersTest, LastWorkerStaysAndReportsFailure) {
  refused_patience = std::chrono::milliseconds(50);
  start_both();
  refuse();
  EXPECT_TRUE(eventually([&] {
    ask("x" + std::to_string(sent.size()), "a fox", 1, static_cast<int>(sent.size()) % 2);  // until it has received one
    sent["x" + std::to_string(sent.size())] = 1;
    return members() == 1;
  }));
  second_thread = {};
  second.reset();
  EXPECT_TRUE(eventually([&] { return members() == 1; }));
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(last<messages::Failed>("a").reason, messages::reason::kStoringFailed);
}

}  // namespace
}  // namespace p2p::worker
