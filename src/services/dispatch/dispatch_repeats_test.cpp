#include "services/dispatch/testing/dispatch_fixture.hpp"

namespace p2p::dispatch {
namespace {

TEST_F(DispatchTest, RepeatKeyGivesTheSameRequest) {
  const FakeWorker worker(bus);
  Instance api(bus, metrics);
  const std::string id = api.accept("c", request_for(), "order 1");
  EXPECT_TRUE(messages::is_request_id(id));
  EXPECT_EQ(settled(api, id).status, Status::finished);
  EXPECT_EQ(api.accept("c", request_for(), "order 1"), id);
  EXPECT_NE(api.accept("c", request_for(), "order 2"), id);
  EXPECT_NE(api.accept("d", request_for(), "order 1"), id);
}

TEST_F(DispatchTest, RepeatKeyBelongsToOneBody) {
  const auto reads_nothing = join_workers(bus);
  Instance first(bus, metrics);
  const std::string id = first.accept("c", request_for(), "order 1", "digest-a");
  EXPECT_EQ(first.accept("c", request_for(), "order 1", "digest-a"), id);
  Instance second(bus, metrics);
  EXPECT_TRUE(eventually([&] { return second->find("c", id).has_value(); }));
  for (Instance* const instance : {&first, &second}) {
    try {
      instance->accept("c", request_for("another"), "order 1", "digest-b");
      FAIL();
    } catch (const Refused& error) {
      EXPECT_EQ(error.reason(), Refused::Reason::key_reused);
    }
  }
  EXPECT_NE(first.accept("d", request_for("another"), "order 1", "digest-b"), id);
}

TEST_F(DispatchTest, RetryJoinsRequestWithSameBody) {
  const FakeWorker worker(bus);
  Instance first(bus, metrics);
  const std::string id = first.accept("c", request_for(), "", "digest-a");
  EXPECT_EQ(first.accept("c", request_for(), "", "digest-a", true), id);
  EXPECT_NE(first.accept("c", request_for(), "", "digest-b", true), id) << "another body, whose first call never arrived";
  EXPECT_NE(first.accept("d", request_for(), "", "digest-a", true), id) << "another client";
  Instance second(bus, metrics);
  EXPECT_TRUE(eventually([&] { return second->find("c", id).has_value(); }));
  EXPECT_EQ(second.accept("c", request_for(), "", "digest-a", true), id) << "at whichever instance it arrives";
  const std::string next = first.accept("c", request_for(), "", "digest-a");
  EXPECT_NE(next, id) << "no retry: who asks twice gets two pictures";
  EXPECT_EQ(settled(first, next).status, Status::finished);
  EXPECT_EQ(first.accept("c", request_for(), "", "digest-a", true), next) << "the newest, finished as it is";
}

}  // namespace
}  // namespace p2p::dispatch
