#include "services/dispatch/testing/dispatch_fixture.hpp"

namespace p2p::dispatch {
namespace {

TEST_F(DispatchTest, RefusesBeyondLimits) {
  Instance api(bus, metrics, {.requests = {.user_queue = 2, .user_per_day = 3}});
  const auto code_of = [&](const std::string& client, const std::string& model = "flat") {
    try {
      messages::Request request = request_for();
      request.model = model;
      api.accept(client, request);
      return std::string();
    } catch (const Refused& error) {
      return std::string(error.code());
    }
  };
  EXPECT_EQ(code_of("c", "nobody-s"), "model_not_found");
  EXPECT_EQ(code_of("c"), "");
  EXPECT_EQ(code_of("c"), "");
  EXPECT_EQ(code_of("c"), "queue_full");
  EXPECT_EQ(code_of("d"), "") << "one client's limit is not another's";
  const FakeWorker worker(bus);
  EXPECT_TRUE(eventually([&] { return code_of("c").empty(); }));
  EXPECT_TRUE(eventually([&] { return code_of("c") == "day_full"; }));
}

TEST_F(DispatchTest, RefusesTooLongPromptsInTotal) {
  const auto reads_nothing = join_workers(bus);
  Instance api(bus, metrics, {.requests = {.user_queue = 1000, .most_words = 5000, .most_words_per_owner = 2000}});
  const auto ask = [&](const std::string& client) {
    try {
      api.accept(client, request_for(std::string(1000, 'x')));
      return 200;
    } catch (const Refused& error) {
      return error.reason() == Refused::Reason::words_full ? 429 : 0;
    }
  };
  EXPECT_EQ(ask("c"), 200);
  EXPECT_EQ(ask("c"), 200);
  EXPECT_EQ(ask("c"), 429);
  EXPECT_EQ(ask("d"), 200) << "one client's words are not another's";
  for (const char* client : {"d", "e"}) EXPECT_EQ(ask(client), 200);
  EXPECT_EQ(ask("f"), 429) << "all together";
}

TEST_F(DispatchTest, ForgetsOldestEndedRequests) {
  Instance api(bus, metrics, {.requests = {.most_ended = 2}});
  // Explicit ids in the order of the requests, since generated ids of the same millisecond are unordered.
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    send_accepted(id);
    EXPECT_TRUE(eventually([&] { return api->find("c", id).has_value(); }));
    if (id == std::string("a")) continue;
    EXPECT_TRUE(api.cancel("c", id));
    EXPECT_EQ(settled(api, id).status, Status::cancelled);
  }
  EXPECT_TRUE(eventually([&] { return !api->find("c", "b"); }));
  EXPECT_TRUE(api->find("c", "a")) << "it waits";
  EXPECT_TRUE(api->find("c", "e"));
}

}  // namespace
}  // namespace p2p::dispatch
