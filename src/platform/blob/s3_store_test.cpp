#include <gmock/gmock.h>

#include <mutex>

#include "base/error.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"

namespace p2p::blob {
namespace {

using ::testing::HasSubstr;

/// Answers as the test says. Whether signatures are right is checked against the manual's example, and by MinIO in tests/service.
class S3StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* method : {"GET", "PUT", "DELETE"}) {
      server.route(method, "/pictures/", [this](const http::ServerRequest& request) { return answer(request); });
      server.route(method, "/pictures", [this](const http::ServerRequest& request) { return answer(request); });
    }
    server.start();
    store = s3_store({.endpoint = "http://127.0.0.1:" + std::to_string(server.port()),
                      .public_endpoint = "https://pictures.example.org",
                      .region = "r",
                      .bucket = "pictures",
                      .access_key = "a",
                      .secret_key = Secret("geheim")});
  }
  http::ServerResponse answer(const http::ServerRequest& request) {
    const std::scoped_lock lock(mutex);
    seen.push_back(request.method + " " + request.path);
    if (failures > 0) {
      --failures;
      return failure;
    }
    if (!request.query_value("list-type").empty()) return {.body = list};
    return {.body = "stored"};
  }
  BlobError error_of_get() {
    try {
      store->get("images/x.png");
    } catch (const BlobError& error) {
      return error;
    }
    return {BlobError::Kind::missing, "none"};
  }

  std::mutex mutex;
  std::vector<std::string> seen;
  int failures = 0;
  http::ServerResponse failure{.status = 503};
  std::string list;
  http::Server server{{.listen = "127.0.0.1:0"}};
  std::unique_ptr<BlobStore> store;
};

TEST_F(S3StoreTest, ShortOutagesAreRepeated) {
  failures = 2;
  store->put("images/x.png", "bytes", "image/png");
  EXPECT_THAT(seen, ::testing::ElementsAre("PUT /pictures/images/x.png", "PUT /pictures/images/x.png", "PUT /pictures/images/x.png"));
  failures = 3;
  EXPECT_EQ(error_of_get().kind(), BlobError::Kind::unavailable);
}

TEST_F(S3StoreTest, RefusalsSayWhatToSet) {
  failures = 1;
  failure = {.status = 403, .body = "<Error><Code>SignatureDoesNotMatch</Code></Error>"};
  const BlobError refused = error_of_get();
  EXPECT_EQ(refused.kind(), BlobError::Kind::refused);
  EXPECT_THAT(refused.what(), HasSubstr("P2P_S3_SECRET_KEY"));
  EXPECT_THAT(refused.what(), ::testing::Not(HasSubstr("geheim")));
  EXPECT_EQ(seen.size(), 1u);
  failures = 1;
  failure = {.status = 404, .body = "<Error><Code>NoSuchKey</Code></Error>"};
  EXPECT_EQ(error_of_get().kind(), BlobError::Kind::missing);
}

TEST_F(S3StoreTest, NobodyAnsweringIsUnavailable) {
  const auto nowhere =
      s3_store({.endpoint = "http://127.0.0.1:1", .region = "r", .bucket = "b", .access_key = "a", .secret_key = Secret("s")});
  try {
    nowhere->put("x", "y", "");
    FAIL();
  } catch (const BlobError& error) {
    EXPECT_EQ(error.kind(), BlobError::Kind::unavailable);
  }
  EXPECT_FALSE(nowhere->link("x", now() + std::chrono::hours(1))) << "loopback is not reached from outside";
}

TEST_F(S3StoreTest, LinksLeadToThePublicEndpoint) {
  const std::string link = store->link("images/x.png", now() + std::chrono::days(30)).value();
  EXPECT_TRUE(link.starts_with("https://pictures.example.org/pictures/images/x.png?")) << link;
  EXPECT_THAT(link, HasSubstr("X-Amz-Expires=604800&"));
}

TEST_F(S3StoreTest, OldDaysAreRemovedUpToTheFirstYoungOne) {
  list =
      "<L><Key>images/2026/11/21/a-1.png</Key><Key>images/2026/11/23/b-1.png</Key><Key>images/2026/11/21/c-1.png</Key><IsTruncated>true</"
      "IsTruncated></L>";
  store->remove_before(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
  EXPECT_THAT(seen, ::testing::ElementsAre("GET /pictures", "DELETE /pictures/images/2026/11/21/a-1.png"));
}

TEST_F(S3StoreTest, EndpointsHaveNoPath) {
  for (const char* endpoint : {"s3.cloud.ru", "https://", "https://s3.cloud.ru/bucket", "https://u@s3.cloud.ru"}) {
    EXPECT_THROW(s3_store({.endpoint = endpoint, .region = "r", .bucket = "b", .access_key = "a", .secret_key = Secret("s")}), UsageError)
        << endpoint;
  }
}

}  // namespace
}  // namespace p2p::blob
