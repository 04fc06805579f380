#include "services/worker/store_check.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "services/testing/eventually.hpp"
#include "services/testing/memory_store.hpp"

namespace p2p::worker {
namespace {

using blob::BlobError;
using p2p::testing::eventually;

class StoreCheckTest : public ::testing::Test {
 protected:
  void start(std::chrono::milliseconds every = std::chrono::minutes(1)) {
    check =
        std::make_unique<StoreCheck>(store, "images/health/w", StoreCheck::Intervals{.every = every, .again = std::chrono::milliseconds(1)},
                                     [this] { return std::chrono::steady_clock::time_point(std::chrono::seconds(seconds)); });
    check->start();
    check->wait_for_first(std::chrono::minutes(1), {});
  }
  p2p::testing::MemoryStore store;
  std::atomic<int> seconds = 1000;
  std::unique_ptr<StoreCheck> check;
};

TEST_F(StoreCheckTest, RemovesTestObject) {
  start();
  EXPECT_EQ(check->problem(), "");
  EXPECT_EQ(store.puts, 1);
  EXPECT_TRUE(eventually([&] { return store.objects().empty(); }));
}

TEST_F(StoreCheckTest, ReportsRefusalImmediatelyAndItsEnd) {
  store.kind = BlobError::Kind::refused;
  store.failures = 1'000'000;
  start(std::chrono::milliseconds(1));
  EXPECT_TRUE(check->refuses());
  EXPECT_EQ(check->problem(), "the store fails on demand");
  store.failures = 0;
  EXPECT_TRUE(eventually([&] { return check->problem().empty() && !check->refuses(); }));
}

TEST_F(StoreCheckTest, ReportsOutageAfterTenSeconds) {
  store.failures = 1'000'000;
  start();
  EXPECT_EQ(check->problem(), "");
  seconds += 11;
  EXPECT_EQ(check->problem(), "the store fails on demand");
  EXPECT_FALSE(check->refuses());
  check->worked();  // a picture was stored
  EXPECT_EQ(check->problem(), "");
}

TEST_F(StoreCheckTest, TestsAfterFailedPictureAndPeriodically) {
  start();
  store.kind = BlobError::Kind::refused;
  store.failures = 1'000'000;
  check->request_test();
  EXPECT_TRUE(eventually([&] { return check->refuses(); }));
  store.failures = 0;
  start(std::chrono::milliseconds(1));
  EXPECT_TRUE(eventually([&] { return store.puts > 5; }));
}

/// A store that permits no deletion.
class KeepingStore : public p2p::testing::MemoryStore {
 public:
  void remove(const std::string& key) override { throw BlobError(BlobError::Kind::refused, "no deleting of " + key); }
};

TEST(StoreCheck, WorksWithoutPermissionToDelete) {
  KeepingStore keeping;
  StoreCheck check(keeping, "images/health/w", {}, std::chrono::steady_clock::now);
  check.start();
  check.wait_for_first(std::chrono::minutes(1), {});
  EXPECT_EQ(check.problem(), "");
  EXPECT_FALSE(check.refuses());
}

}  // namespace
}  // namespace p2p::worker
