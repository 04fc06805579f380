#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <mutex>

#include "base/error.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/blob/content.hpp"
#include "platform/http/server.hpp"

namespace p2p::blob {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kPng("\x89PNG\r\n\x1a\n....\0\0\0\0IEND\xae\x42\x60\x82", 24);

/// A server with scripted answers. Signatures are checked against the manual's example, and by MinIO in tests/service.
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
                      .secret_key = Secret("geheim"),
                      .pause = std::chrono::milliseconds(1)});
  }
  http::ServerResponse answer(const http::ServerRequest& request) {
    const std::scoped_lock lock(mutex);
    seen.push_back(request.method + " " + request.path);
    if (failures > 0) {
      --failures;
      return failure;
    }
    if (!request.query_value("list-type").empty()) {
      const std::string_view prefix = request.query_value("prefix");
      const auto page =
          pages.find((prefix == "images/" ? "" : std::string(prefix)) + std::string(request.query_value("continuation-token")));
      return {.body = page == pages.end() ? "" : "<ListBucketResult>" + page->second + "</ListBucketResult>"};
    }
    if (request.method == "GET" && request.header("range").starts_with("bytes=")) {
      const std::string range(request.header("range").substr(6));
      const std::size_t from = std::stoul(range), to = std::min(std::stoul(range.substr(range.find('-') + 1)), object.size() - 1);
      const std::string content_range = "bytes " + std::to_string(from) + "-" + std::to_string(to) + "/" + std::to_string(object.size());
      return {.status = 206, .body = object.substr(from, to + 1 - from), .headers = {{"Content-Range", content_range}}};
    }
    if (request.method != "PUT") return {.body = object};
    return {.headers = put_answer ? put_answer->headers : http::HeaderList{{"ETag", "\"" + md5_hex(request.body).value() + "\""}}};
  }
  BlobError error_of_get() {
    return error_of([&] { store->get("images/x.png"); });
  }
  BlobError error_of_put() {
    return error_of([&] { store->put("images/x.png", "bytes", "image/png"); });
  }
  static BlobError error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const BlobError& error) {
      return error;
    }
    return {BlobError::Kind::missing, "no error"};
  }

  std::mutex mutex;
  std::vector<std::string> seen;
  int failures = 0;
  http::ServerResponse failure{.status = 503};
  std::optional<http::ServerResponse> put_answer;  ///< overrides the answer to a PUT
  std::string object = kPng;                       ///< the answer to a GET
  std::map<std::string, std::string> pages{{"inputs/", "<IsTruncated>false</IsTruncated>"},
                                           {"previews/", "<IsTruncated>false</IsTruncated>"}};  ///< list answers by prefix or token
  http::Server server{{.listen = "127.0.0.1:0"}};
  std::unique_ptr<BlobStore> store;
};

TEST_F(S3StoreTest, ReadsParts) {
  object = kPng.substr(0, 12) + std::string(1000, 'x') + kPng.substr(12);
  std::string all;
  while (all.size() < object.size()) {
    const auto part = store->read("images/x.png", all.size(), 300);
    ASSERT_EQ(part.total, object.size());
    ASSERT_FALSE(part.bytes.empty());
    all += part.bytes;
  }
  EXPECT_EQ(all, object);
  EXPECT_EQ(seen.size(), 4u);
  object.resize(object.size() - 1);
  EXPECT_EQ(error_of([&] { store->read("images/x.png", 900, 300); }).kind(), BlobError::Kind::unavailable) << "its end is missing";
  object = "<html>";
  EXPECT_EQ(error_of([&] { store->read("images/x.png", 0, 300); }).kind(), BlobError::Kind::unavailable);
}

TEST_F(S3StoreTest, RetriesShortOutages) {
  failures = 2;
  store->put("images/x.png", "bytes", "image/png");
  EXPECT_THAT(seen, ElementsAre("PUT /pictures/images/x.png", "PUT /pictures/images/x.png", "PUT /pictures/images/x.png"));
  failures = 3;
  EXPECT_EQ(error_of_get().kind(), BlobError::Kind::unavailable);
}

TEST_F(S3StoreTest, RefusalNamesSetting) {
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

TEST_F(S3StoreTest, UnreachableStoreIsUnavailable) {
  const auto nowhere = s3_store({.endpoint = "http://127.0.0.1:1",
                                 .region = "r",
                                 .bucket = "b",
                                 .access_key = "a",
                                 .secret_key = Secret("s"),
                                 .pause = std::chrono::milliseconds(1)});
  try {
    nowhere->put("x", "y", "");
    FAIL();
  } catch (const BlobError& error) {
    EXPECT_EQ(error.kind(), BlobError::Kind::unavailable);
  }
  EXPECT_FALSE(nowhere->link("x", now() + std::chrono::hours(1))) << "loopback is not public";
}

TEST_F(S3StoreTest, LinksUsePublicEndpoint) {
  const std::string link = store->link("images/x.png", now() + std::chrono::days(30)).value();
  EXPECT_TRUE(link.starts_with("https://pictures.example.org/pictures/images/x.png?")) << link;
  EXPECT_THAT(link, HasSubstr("X-Amz-Expires=604800&"));
}

TEST_F(S3StoreTest, RemovesOldDaysAndStopsAtFirstNewer) {
  pages[""] =
      "<Key>images/2026/11/21/a-1.webp</Key><Key>images/2026/11/23/b-1.png</Key><Key>images/2026/11/21/c-1.png</Key>"
      "<IsTruncated>true</IsTruncated><NextContinuationToken>2</NextContinuationToken>";
  store->remove_before(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
  EXPECT_THAT(seen, ElementsAre("GET /pictures", "DELETE /pictures/images/2026/11/21/a-1.webp", "GET /pictures", "GET /pictures"));
}

TEST_F(S3StoreTest, RemovesOldInputsAndPreviews) {
  pages[""] = "<IsTruncated>false</IsTruncated>";
  pages["inputs/"] = "<Key>inputs/2026/11/21/a.jpeg</Key><Key>inputs/2026/11/22/b.png</Key><IsTruncated>false</IsTruncated>";
  pages["previews/"] = "<Key>previews/2026/11/21/a.png</Key><IsTruncated>false</IsTruncated>";
  store->remove_before(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
  EXPECT_THAT(seen, ElementsAre("GET /pictures", "GET /pictures", "DELETE /pictures/inputs/2026/11/21/a.jpeg", "GET /pictures",
                                "DELETE /pictures/previews/2026/11/21/a.png"));
}

TEST_F(S3StoreTest, SkipsObjectsOfOtherPrograms) {
  pages[""] =
      "<Key>images/.keep</Key><Key>images/1999 holidays.jpg</Key><Key>images/2026/11/20/my &amp; file.png</Key>"
      "<IsTruncated>true</IsTruncated><NextContinuationToken>2&amp;=</NextContinuationToken>";
  pages["2&="] = "<Key>images/2026/11/21/a-1.png</Key><Key>images/2026/11/23/b-1.png</Key><IsTruncated>false</IsTruncated>";
  store->remove_before(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
  EXPECT_THAT(
      seen, ElementsAre("GET /pictures", "GET /pictures", "DELETE /pictures/images/2026/11/21/a-1.png", "GET /pictures", "GET /pictures"));
}

TEST_F(S3StoreTest, StopsOnInvalidOrLoopingList) {
  const auto day = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  EXPECT_THAT(error_of([&] { store->remove_before(day); }).what(), HasSubstr("no list of objects"));
  seen.clear();
  pages[""] = pages["1"] = "<Key>images/x</Key><IsTruncated>true</IsTruncated><NextContinuationToken>1</NextContinuationToken>";
  store->remove_before(day);
  EXPECT_EQ(seen.size(), 4u) << "and the lists of inputs and previews";
}

TEST_F(S3StoreTest, PutWithoutProofOfStorageIsUnavailable) {
  put_answer = http::ServerResponse{};
  EXPECT_EQ(error_of_put().kind(), BlobError::Kind::unavailable);
  EXPECT_THAT(error_of_put().what(), HasSubstr("without an ETag"));
  put_answer->headers = {{"ETag", "\"" + md5_hex("byte").value() + "\""}};
  EXPECT_EQ(error_of_put().kind(), BlobError::Kind::unavailable);
  EXPECT_THAT(error_of_put().what(), HasSubstr("other bytes"));
}

TEST_F(S3StoreTest, ComparesLengthWithoutMd5) {
  put_answer = http::ServerResponse{.headers = {{"ETag", "\"a-1\""}}};
  object = "bytes";
  store->put("images/x.png", "bytes", "image/png");
  EXPECT_THAT(seen, ElementsAre("PUT /pictures/images/x.png", "HEAD /pictures/images/x.png"));
  object = "byte";
  EXPECT_EQ(error_of_put().kind(), BlobError::Kind::unavailable);
  EXPECT_THAT(error_of_put().what(), HasSubstr("whole length"));
}

TEST_F(S3StoreTest, InvalidPngIsUnavailable) {
  EXPECT_EQ(store->get("images/x.png"), kPng);
  for (const std::string& wrong : {std::string(), std::string("<html>log in</html>"), kPng.substr(0, 12)}) {
    object = wrong;
    EXPECT_EQ(error_of_get().kind(), BlobError::Kind::unavailable) << wrong;
  }
  EXPECT_EQ(store->get("images/x.txt"), kPng.substr(0, 12));
  failures = 3;
  failure = {.status = 404, .body = "<html>no such page</html>"};
  EXPECT_EQ(error_of_get().kind(), BlobError::Kind::unavailable) << "S3 would send an error code";
}

TEST_F(S3StoreTest, ReportsWrongClock) {
  for (const auto& [date, words] : {std::pair{"Fri, 01 Jan 2100 00:00:00 GMT", " s (behind): set it (NTP)"},
                                    std::pair{"Sat, 01 Jan 2000 00:00:00 GMT", " s (ahead): set it (NTP)"}}) {
    for (const char* code : {"RequestTimeTooSkewed", "AccessDenied"}) {
      failures = 1;
      failure = {.status = 403, .body = "<Error><Code>" + std::string(code) + "</Code></Error>", .headers = {{"Date", date}}};
      const BlobError error = error_of_put();
      EXPECT_EQ(error.kind(), BlobError::Kind::refused);
      EXPECT_THAT(error.what(), HasSubstr("this machine's clock is off by about"));
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  }
}

TEST_F(S3StoreTest, RefusesEndpointWithPath) {
  for (const char* endpoint : {"s3.cloud.ru", "https://", "https://s3.cloud.ru/bucket", "https://u@s3.cloud.ru"}) {
    EXPECT_THROW(s3_store({.endpoint = endpoint, .region = "r", .bucket = "b", .access_key = "a", .secret_key = Secret("s")}), UsageError)
        << endpoint;
  }
}

}  // namespace
}  // namespace p2p::blob
