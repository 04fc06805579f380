#include "services/worker/worker_test.hpp"

namespace p2p::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Each of ten steps takes a second on the worker's clock, so that every second one has a preview.
class WorkerPreviewsTest : public WorkerTest {
 protected:
  WorkerPreviewsTest() {
    generator->steps = 10;
    generator->before_step = [this](int step) {
      EXPECT_TRUE(eventually([&] { return shown().size() == static_cast<std::size_t>(step) / 2; })) << "step " << step;
      if (step == 10) last_stored = stored();
      ++seconds;
    };
  }
  /// The request's progress events with a preview.
  std::vector<messages::Progress> shown() {
    std::vector<messages::Progress> list;
    for (const Event& event : events("a")) {
      const auto* const progress = event.as<messages::Progress>();
      if (progress && !progress->preview.empty()) list.push_back(*progress);
    }
    return list;
  }
  std::string key() { return messages::preview_key("a", asked); }
  std::string stored() {
    const auto objects = store.objects();
    const auto found = objects.find(key());
    return found == objects.end() ? "" : found->second;
  }
  void ask_for_a(const std::string& prompt = "a fox") {
    send("a", encode(messages::Request{.id = "a", .time = asked, .model = "flat", .prompt = prompt, .seed = 7}));
  }

  const Time asked = now();
  std::string last_stored;
};

TEST_F(WorkerPreviewsTest, ReplacesPreviewAndDeletesItAtTheEnd) {
  start();
  ask_for_a();
  wait_for_end("a");
  EXPECT_EQ(history("a").back(), "finished");
  EXPECT_EQ(shown().size(), 5u);
  EXPECT_EQ(last_stored, "step 9") << "one object for all";
  double before = 0;
  for (const messages::Progress& progress : shown()) {
    EXPECT_EQ(progress.preview, key());
    EXPECT_EQ(progress.stage, "decoder");
    EXPECT_GE(progress.fraction, before);
    before = progress.fraction;
  }
  EXPECT_TRUE(eventually([&] { return stored().empty(); }));
  EXPECT_THAT(metrics.text(), AllOf(HasSubstr("prompt2pic_worker_previews_total{outcome=\"stored\"} 5"),
                                    HasSubstr("prompt2pic_worker_stage_seconds_count{model=\"flat\",stage=\"preview\"} 5")));
}

TEST_F(WorkerPreviewsTest, DeletesPreviewOfCancelledRequest) {
  start();
  ask_for_a("wait");
  EXPECT_TRUE(eventually([&] { return shown().size() == 5; }));
  EXPECT_EQ(stored(), "step 9");
  send_control("a", messages::Control::Type::cancel);
  wait_for_end("a");
  EXPECT_EQ(history("a").back(), "cancelled");
  EXPECT_TRUE(eventually([&] { return stored().empty(); }));
}

TEST_F(WorkerPreviewsTest, ShortDrawingsHaveNone) {
  generator->before_step = [](int) {};
  start();
  ask_for_a();
  wait_for_end("a");
  EXPECT_TRUE(shown().empty());
}

TEST_F(WorkerPreviewsTest, FailingStoreIsHarmless) {
  generator->before_step = [this](int step) {
    if (step == 1) store.failures = 1;                                          // the first preview
    EXPECT_TRUE(eventually([&] { return step == 1 || store.failures == 0; }));  // or the picture would fail
    ++seconds;
  };
  start();
  ask_for_a();
  wait_for_end("a");
  EXPECT_EQ(history("a").back(), "finished");
  EXPECT_TRUE(shown().empty()) << "there is a pause of a minute";
  EXPECT_EQ(worker->problem(), "");
  stop();
  EXPECT_THAT(metrics.text(), HasSubstr("prompt2pic_worker_previews_total{outcome=\"failed\"} 1"));
}

TEST_F(WorkerPreviewsTest, FailingPreviewIsHarmless) {
  generator->before_step = [this](int) { ++seconds; };
  generator->preview = [](int) -> std::string { throw std::runtime_error("out of memory"); };
  start();
  ask_for_a();
  wait_for_end("a");
  EXPECT_EQ(history("a").back(), "finished");
  EXPECT_TRUE(shown().empty());
}

}  // namespace
}  // namespace p2p::worker
