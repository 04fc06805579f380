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

TEST_F(DispatchTest, PreparesOnlyWhatIsSent) {
  const FakeWorker worker(bus);
  Instance api(bus, metrics);
  int prepared = 0;
  const auto prepare = [&](messages::Request& request) {
    ++prepared;
    request.image_key = messages::input_key(request.id, request.time, "png");
  };
  const auto submit = [&](const std::string& digest, const requests::Client::Prepare& how) {
    return api.client.submit("c", request_for(), {.key = "order 1", .digest = digest}, [] {}, how).id;
  };
  EXPECT_THROW(submit("digest-a", [](const auto&) { throw Error("the store does not answer"); }), Error);
  const std::string id = submit("digest-a", prepare);
  EXPECT_EQ(submit("digest-a", prepare), id);
  EXPECT_THROW(submit("digest-b", prepare), Refused);
  EXPECT_EQ(prepared, 1) << "neither a repeated call nor a refused one";
  const messages::Request sent = settled(api, id).request;
  EXPECT_EQ(sent.image_key, messages::input_key(id, sent.time, "png"));
}

}  // namespace
}  // namespace p2p::dispatch
