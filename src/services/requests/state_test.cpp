#include "services/requests/state.hpp"

#include <gmock/gmock.h>

namespace p2p::requests {
namespace {

using messages::Event;
using messages::Failed;
using messages::Finished;
using messages::HandedBack;
using messages::Progress;
using messages::Started;
using Status = RequestState::Status;

RequestState state_of(int count = 1) {
  const messages::Request request{
      .id = "a", .time = from_millis(1'000), .model = "flat", .prompt = "a fox", .seed = 7, .count = count, .picture = count > 1 ? 1 : 0};
  return accepted({.request = request, .client = "telegram:5"}, "");
}

Event event_of(Event::What what, int dispatch = 1) {
  return {.id = "a", .time = from_millis(2'000), .worker = "w", .dispatch = dispatch, .what = std::move(what)};
}

/// The event of a worker that has drawn picture n of the request.
template <typename What>
What with_picture(int n = 1) {
  What what;
  what.images = {{messages::image_key("a", from_millis(1'000), n), 64, 64, 7, 3}};
  what.seconds["total"] = 2;
  return what;
}

TEST(ApplyEvent, FollowsRequestFromStartToEnd) {
  RequestState state = state_of();
  EXPECT_EQ(state.owner, "telegram:5");
  EXPECT_EQ(apply(state, event_of(Started{})), Change::started);
  EXPECT_EQ(state.status, Status::drawing);
  EXPECT_EQ(state.worker, "w");
  EXPECT_EQ(apply(state, event_of(Progress{.stage = "prior", .fraction = 0.5})), Change::progressed);
  EXPECT_EQ(state.fraction, 0.5);
  EXPECT_EQ(apply(state, event_of(with_picture<Finished>())), Change::ended);
  EXPECT_EQ(state.status, Status::finished);
  EXPECT_EQ(state.images.size(), 1u);
  EXPECT_EQ(state.ended, from_millis(2'000));
  EXPECT_EQ(state.request.prompt, "") << "which may be long, and is not sent any more";
  EXPECT_EQ(state.version, 3u);
}

TEST(ApplyEvent, NumbersPreviewsOfRequest) {
  RequestState state = state_of();
  apply(state, event_of(Started{}));
  apply(state, event_of(Progress{.stage = "unet"}));
  EXPECT_EQ(state.preview, 0u);
  const std::string key = messages::preview_key("a", from_millis(1'000));
  apply(state, event_of(Progress{.stage = "unet", .preview = key}));
  EXPECT_EQ(state.preview, state.version);
  apply(state, event_of(Progress{.stage = "unet"}));
  EXPECT_EQ(state.preview, state.version - 1) << "it is still there";
  apply(state, event_of(Progress{.stage = "unet", .preview = messages::preview_key("b", from_millis(1'000))}));
  EXPECT_EQ(state.preview, state.version - 2) << "of another request";
  apply(state, event_of(Progress{.stage = "unet", .preview = key}));
  EXPECT_EQ(state.preview, state.version);
}

TEST(ApplyEvent, DoesNotChangeEndedRequest) {
  RequestState state = state_of();
  EXPECT_EQ(apply(state, event_of(Failed{.reason = "cannot_do"})), Change::ended);
  for (const Event::What& what : std::vector<Event::What>{Started{}, with_picture<Finished>(), messages::Cancelled{}, Progress{}})
    EXPECT_EQ(apply(state, event_of(what)), Change::none);
  EXPECT_EQ(state.status, Status::failed);
  EXPECT_EQ(state.reason, "cannot_do");
}

TEST(ApplyEvent, HandedBackRequestWaitsWithNextDispatch) {
  RequestState state = state_of();
  apply(state, event_of(Started{}));
  EXPECT_EQ(apply(state, event_of(HandedBack{.failed_attempts = 1})), Change::handed_back);
  EXPECT_EQ(state.status, Status::queued);
  EXPECT_EQ(state.request.dispatch, 2);
  EXPECT_EQ(state.request.failed_attempts, 1);
  EXPECT_EQ(state.starts, 0);
  EXPECT_EQ(apply(state, event_of(HandedBack{})), Change::none) << "of the dispatch before";
}

TEST(ApplyEvent, CountsStartsOfDispatch) {
  RequestState state = state_of();
  apply(state, event_of(Started{}));
  apply(state, event_of(Started{}));
  EXPECT_EQ(state.starts, 2);
  apply(state, event_of(Started{}, 3));
  EXPECT_EQ(state.starts, 1) << "it was sent again without an event";
  EXPECT_EQ(state.request.dispatch, 3);
}

TEST(ApplyEvent, CollectsPicturesOfRequest) {
  RequestState state = state_of(3);
  for (int n = 1; n <= 2; ++n) {
    apply(state, event_of(Started{}, n));
    EXPECT_EQ(apply(state, event_of(with_picture<HandedBack>(n), n)), Change::picture);
    EXPECT_EQ(state.request.picture, n + 1);
    EXPECT_DOUBLE_EQ(state.fraction, n / 3.0);
  }
  EXPECT_EQ(apply(state, event_of(with_picture<Finished>(3), 3)), Change::ended);
  EXPECT_EQ(state.images.size(), 3u);
  EXPECT_EQ(state.seconds["total"], 6);
}

TEST(ApplyEvent, TakesPictureInAnyFormat) {
  for (const char* format : {"webp", "png"}) {
    RequestState state = state_of();
    state.request.output_format = "webp";
    Finished finished = with_picture<Finished>();
    finished.images[0].key = messages::image_key("a", from_millis(1'000), 1, format);
    EXPECT_EQ(apply(state, event_of(finished)), Change::ended) << "workers of older versions draw PNG";
  }
}

TEST(ApplyEvent, IgnoresPicturesOfOtherRequests) {
  RequestState state = state_of();
  Finished finished = with_picture<Finished>();
  finished.images[0].key = messages::image_key("b", from_millis(1'000), 1);
  EXPECT_EQ(apply(state, event_of(finished)), Change::rejected);
  EXPECT_EQ(apply(state, event_of(with_picture<Finished>(2))), Change::rejected) << "the second of one";
  EXPECT_EQ(apply(state, event_of(with_picture<HandedBack>())), Change::handed_back) << "of one picture none is handed back";
  EXPECT_TRUE(state.images.empty());
}

}  // namespace
}  // namespace p2p::requests
