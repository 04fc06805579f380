#include "services/api/pictures.hpp"

#include <gmock/gmock.h>

#include "services/testing/memory_store.hpp"

namespace p2p::api {
namespace {

TEST(PicturesTest, ShowsPreviewWhileItExists) {
  p2p::testing::MemoryStore store;
  const Pictures pictures(store, {});
  RequestState state{.request = {.id = "a", .time = now()}, .status = RequestState::Status::drawing};
  const std::string key = messages::preview_key("a", state.request.time);
  store.put(key, "PNG", "");
  try {
    pictures.show_preview(state);
    ADD_FAILURE() << "no event has named it";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 404);
  }
  state.preview = 3;
  const http::ServerResponse shown = pictures.show_preview(state);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.content_type, "image/png");
  EXPECT_EQ(shown.body, "PNG");
  EXPECT_THAT(shown.headers, ::testing::Contains(::testing::Pair("Cache-Control", "no-store")));

  store.put(key, std::string((1u << 20u) + 1, 'x'), "");
  EXPECT_EQ(pictures.show_preview(state).status, 204) << "no worker stores so much";
  store.remove(key);
  EXPECT_EQ(pictures.show_preview(state).status, 204);
  store.kind = blob::BlobError::Kind::refused;
  store.failures = 1;
  EXPECT_EQ(pictures.show_preview(state).status, 204);
}

}  // namespace
}  // namespace p2p::api
