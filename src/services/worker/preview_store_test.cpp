#include "services/worker/preview_store.hpp"

#include <gmock/gmock.h>

#include <semaphore>

#include "services/testing/eventually.hpp"
#include "services/testing/memory_store.hpp"

namespace p2p::worker {
namespace {

using p2p::testing::eventually;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// put() waits for release().
class SlowStore : public p2p::testing::MemoryStore {
 public:
  void put(const std::string& key, std::string_view bytes, std::string_view content_type) override {
    go_.acquire();
    MemoryStore::put(key, bytes, content_type);
  }
  void release() { go_.release(); }

 private:
  std::counting_semaphore<> go_{0};
};

class PreviewStoreTest : public ::testing::Test {
 protected:
  void put(const std::string& key, const std::string& png) {
    previews->put(key, png, [this](bool is_stored) {
      ++(is_stored ? stored : failed);
      p2p::testing::notify_changed();
    });
  }

  SlowStore store;
  Metrics metrics;
  WorkerMetrics worker_metrics{metrics};
  std::atomic<int> stored = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> seconds = 0;
  std::unique_ptr<PreviewStore> previews = std::make_unique<PreviewStore>(
      store, worker_metrics, [this] { return std::chrono::steady_clock::time_point(std::chrono::seconds(1000 + seconds)); });
};

TEST_F(PreviewStoreTest, SkipsPreviewWhileOneIsUnderWay) {
  put("previews/a.png", "first");
  EXPECT_FALSE(previews->is_free());
  put("previews/a.png", "second");
  put("previews/b.png", "second");
  store.release();
  ASSERT_TRUE(eventually([&] { return stored == 1; }));
  EXPECT_TRUE(previews->is_free());
  EXPECT_THAT(store.objects(), ElementsAre(Pair("previews/a.png", "first")));
}

TEST_F(PreviewStoreTest, DeletesOnlyItsOwn) {
  store.release();
  store.put("previews/b.png", "of another worker", "");
  previews->remove("previews/b.png");
  store.release();
  put("previews/a.png", "first");
  previews->remove("previews/a.png");
  previews.reset();
  EXPECT_EQ(stored, 1);
  EXPECT_THAT(store.objects(), ElementsAre(Pair("previews/b.png", "of another worker")));
}

TEST_F(PreviewStoreTest, DeletesAtEndOfProcess) {
  put("previews/a.png", "first");
  previews->remove("previews/a.png");
  store.release();
  previews.reset();
  EXPECT_THAT(store.objects(), IsEmpty());
}

TEST_F(PreviewStoreTest, PausesAfterFailure) {
  store.failures = 1;
  store.release();
  put("previews/a.png", "first");
  ASSERT_TRUE(eventually([&] { return failed == 1; }));
  EXPECT_THAT(metrics.text(), HasSubstr("prompt2pic_worker_previews_total{outcome=\"failed\"} 1"));
  EXPECT_FALSE(previews->is_free());
  seconds = 59;
  EXPECT_FALSE(previews->is_free());
  seconds = 60;
  EXPECT_TRUE(previews->is_free());
  EXPECT_EQ(stored, 0);
}

}  // namespace
}  // namespace p2p::worker
