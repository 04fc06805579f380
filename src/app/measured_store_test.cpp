#include "app/measured_store.hpp"

#include <gmock/gmock.h>

#include "services/testing/memory_store.hpp"

namespace p2p::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Kind = blob::BlobError::Kind;

class MeasuredStoreTest : public ::testing::Test {
 protected:
  void fail(Kind kind, int calls = 1) {
    memory->kind = kind;
    memory->failures = calls;
  }
  std::string calls(const std::string& operation, const std::string& result) const {
    return "prompt2pic_store_calls_total{operation=\"" + operation + "\",result=\"" + result + "\"} ";
  }

  Metrics metrics;
  p2p::testing::MemoryStore* memory = new p2p::testing::MemoryStore;
  std::unique_ptr<blob::BlobStore> store = measured(std::unique_ptr<blob::BlobStore>(memory), metrics);
};

TEST_F(MeasuredStoreTest, PassesCallsOnAndCountsThem) {
  store->put("images/a.txt", "bytes", "text/plain");
  EXPECT_EQ(store->get("images/a.txt"), "bytes");
  const auto part = store->read("images/a.txt", 1, 2);
  EXPECT_EQ(part.bytes, "yt");
  EXPECT_EQ(part.total, 5u);
  store->remove("images/a.txt");
  EXPECT_TRUE(memory->objects().empty());
  const std::chrono::sys_days day{std::chrono::year(2026) / 1 / 2};
  store->remove_before(day);
  EXPECT_EQ(memory->removed_before.load(), day);
  EXPECT_EQ(store->longest_link(), memory->longest_link());
  EXPECT_EQ(store->link("images/a.txt", Time{}), memory->link("images/a.txt", Time{}));
  for (const char* operation : {"put", "get", "read", "remove", "remove_before"}) {
    EXPECT_THAT(metrics.text(), HasSubstr(calls(operation, "ok") + "1\n"));
    EXPECT_THAT(metrics.text(), HasSubstr("prompt2pic_store_seconds_count{operation=\"" + std::string(operation) + "\"} 1\n"));
  }
}

TEST_F(MeasuredStoreTest, CountsFailuresByKind) {
  fail(Kind::unavailable, 2);
  for (int i = 0; i < 2; ++i) EXPECT_THROW(store->put("images/a.txt", "bytes", "text/plain"), blob::BlobError);
  fail(Kind::refused);
  EXPECT_THROW(store->get("images/a.txt"), blob::BlobError);
  EXPECT_THROW(store->get("images/no.txt"), blob::BlobError);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr(calls("put", "unavailable") + "2\n"));
  EXPECT_THAT(text, HasSubstr(calls("get", "refused") + "1\n"));
  EXPECT_THAT(text, HasSubstr(calls("get", "missing") + "1\n"));
  EXPECT_THAT(text, Not(HasSubstr("result=\"ok\"")));
}

}  // namespace
}  // namespace p2p::app
