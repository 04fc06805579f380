#include "services/requests/state.hpp"

#include <gmock/gmock.h>

namespace p2p::requests {
namespace {

using messages::Event;
using messages::EventType;
using Status = RequestState::Status;

RequestState state_of(int count = 1) {
  Event event{.id = "a", .time = from_millis(1'000), .type = EventType::accepted};
  event.request = messages::Request{.id = "a", .time = event.time, .model = "flat", .prompt = "a fox", .seed = 7, .count = count};
  if (count > 1) event.request->picture = 1;
  event.client = "telegram:5";
  return accepted(event, "");
}

Event event_of(EventType type, int dispatch = 1) {
  return {.id = "a", .time = from_millis(2'000), .type = type, .worker = "w", .dispatch = dispatch, .attempt = 1};
}

Event with_picture(Event event, int n = 1) {
  event.images = {{messages::image_key("a", from_millis(1'000), n), 64, 64, 7, 3}};
  event.seconds["total"] = 2;
  return event;
}

Event handed_back(int dispatch = 1) {
  Event event = event_of(EventType::progress, dispatch);
  event.stage = "handed_back";
  return event;
}

TEST(ApplyEvent, FollowsRequestFromStartToEnd) {
  RequestState state = state_of();
  EXPECT_EQ(state.owner, "telegram:5");
  EXPECT_EQ(apply(state, event_of(EventType::started)), Change::started);
  EXPECT_EQ(state.status, Status::drawing);
  EXPECT_EQ(state.worker, "w");
  Event progress = event_of(EventType::progress);
  progress.stage = "prior";
  progress.fraction = 0.5;
  EXPECT_EQ(apply(state, progress), Change::progressed);
  EXPECT_EQ(state.fraction, 0.5);
  EXPECT_EQ(apply(state, with_picture(event_of(EventType::finished))), Change::ended);
  EXPECT_EQ(state.status, Status::finished);
  EXPECT_EQ(state.images.size(), 1u);
  EXPECT_EQ(state.ended, from_millis(2'000));
  EXPECT_EQ(state.request.prompt, "") << "which may be long, and is not sent any more";
  EXPECT_EQ(state.version, 3u);
}

TEST(ApplyEvent, DoesNotChangeEndedRequest) {
  RequestState state = state_of();
  Event failed = event_of(EventType::failed);
  failed.reason = "cannot_do";
  EXPECT_EQ(apply(state, failed), Change::ended);
  for (const EventType type : {EventType::started, EventType::finished, EventType::cancelled, EventType::progress})
    EXPECT_EQ(apply(state, with_picture(event_of(type))), Change::none);
  EXPECT_EQ(state.status, Status::failed);
  EXPECT_EQ(state.reason, "cannot_do");
}

TEST(ApplyEvent, HandedBackRequestWaitsWithNextDispatch) {
  RequestState state = state_of();
  apply(state, event_of(EventType::started));
  Event back = handed_back();
  back.failed_attempts = 1;
  EXPECT_EQ(apply(state, back), Change::handed_back);
  EXPECT_EQ(state.status, Status::queued);
  EXPECT_EQ(state.request.dispatch, 2);
  EXPECT_EQ(state.request.failed_attempts, 1);
  EXPECT_EQ(state.starts, 0);
  EXPECT_EQ(apply(state, handed_back()), Change::none) << "of the dispatch before";
}

TEST(ApplyEvent, CountsStartsOfDispatch) {
  RequestState state = state_of();
  apply(state, event_of(EventType::started));
  apply(state, event_of(EventType::started));
  EXPECT_EQ(state.starts, 2);
  apply(state, event_of(EventType::started, 3));
  EXPECT_EQ(state.starts, 1) << "it was sent again without an event";
  EXPECT_EQ(state.request.dispatch, 3);
}

TEST(ApplyEvent, CollectsPicturesOfRequest) {
  RequestState state = state_of(3);
  for (int n = 1; n <= 2; ++n) {
    apply(state, event_of(EventType::started, n));
    EXPECT_EQ(apply(state, with_picture(handed_back(n), n)), Change::picture);
    EXPECT_EQ(state.request.picture, n + 1);
    EXPECT_DOUBLE_EQ(state.fraction, n / 3.0);
  }
  EXPECT_EQ(apply(state, with_picture(event_of(EventType::finished, 3), 3)), Change::ended);
  EXPECT_EQ(state.images.size(), 3u);
  EXPECT_EQ(state.seconds["total"], 6);
}

TEST(ApplyEvent, IgnoresPicturesOfOtherRequests) {
  RequestState state = state_of();
  Event finished = with_picture(event_of(EventType::finished));
  finished.images[0].key = messages::image_key("b", from_millis(1'000), 1);
  EXPECT_EQ(apply(state, finished), Change::rejected);
  EXPECT_EQ(apply(state, with_picture(event_of(EventType::finished), 2)), Change::rejected) << "the second of one";
  EXPECT_EQ(apply(state, with_picture(handed_back())), Change::handed_back) << "of one picture none is handed back";
  EXPECT_TRUE(state.images.empty());
}

}  // namespace
}  // namespace p2p::requests
