#include <gmock/gmock.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "platform/http/client.hpp"
#include "platform/http/redirect.hpp"
#include "platform/http/server.hpp"

namespace p2p::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Http : public ::testing::Test {
 protected:
  void SetUp() override {
    server.route("GET", "/hello", [](const ServerRequest& request) {
      return ServerResponse{.body = "hello " + std::string(request.query_value("who")) + std::string(request.header("x-extra")),
                            .headers = {{"X-Answer", "42"}}};
    });
    server.route("POST", "/echo",
                 [](const ServerRequest& request) { return ServerResponse{.content_type = "text/x", .body = request.body}; });
    server.route("GET", "/files/", [](const ServerRequest& request) { return ServerResponse{.body = request.path}; });
    server.route("GET", "/throws", [](const ServerRequest&) -> ServerResponse { throw Error("with a secret"); });
    server.route("GET", "/waits", [this](const ServerRequest&) {
      entered.release();
      go.wait(false);
      left = true;
      return ServerResponse{};
    });
    server.route("GET", "/pieces", [](const ServerRequest&) {
      return ServerResponse{.content_type = "text/event-stream", .stream = [n = 0](std::string& piece) mutable {
                              piece = std::to_string(n++) + "\n";
                              return n < 5;
                            }};
    });
    server.start();
  }
  void TearDown() override { let_go(); }
  /// Lets the handlers of /waits return.
  void let_go() {
    go.test_and_set();
    go.notify_all();
  }
  HttpRequest to(const std::string& path) { return {.url = Secret("http://127.0.0.1:" + std::to_string(server.port()) + path)}; }

  std::counting_semaphore<> entered{0};  ///< released once by each handler of /waits
  std::atomic_flag go;
  std::atomic<bool> left = false;  ///< a handler of /waits has returned
  Server server{{.listen = "127.0.0.1:0", .limits = {.body_bytes = 1000}}};
  Client client{{}};
};

TEST_F(Http, ClientReceivesResponse) {
  HttpRequest request = to("/hello?who=w%20x");
  request.headers = {{"X-Extra", "!"}};
  const HttpResponse response = client.send(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello w x!");
  EXPECT_EQ(response.header("x-answer"), "42");
  EXPECT_EQ(client.send(to("/files/a/b")).body, "/files/a/b");
}

TEST_F(Http, GivesUpStalledTransfer) {
  HttpRequest request = to("/waits");
  request.stall = std::chrono::seconds(1);
  EXPECT_THROW(client.send(request), HttpError);
}

TEST_F(Http, SendsBinaryBody) {
  HttpRequest request = to("/echo");
  request.method = "POST";
  const std::string bytes("a\0b\xff", 4);
  request.body = bytes;
  EXPECT_EQ(client.send(request).body, bytes);
}

TEST_F(Http, SendsMultipart) {
  HttpRequest request = to("/echo");
  request.method = "POST";
  request.parts = {{"a", "1", "", ""}, {"f", "bytes", "x.png", "image/png"}};
  const HttpResponse response = client.send(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, ::testing::AllOf(HasSubstr("1"), HasSubstr("bytes")));
}

TEST_F(Http, RefusesWrongPathMethodAndSize) {
  EXPECT_EQ(client.send(to("/nothing")).status, 404);
  HttpRequest request = to("/hello");
  request.method = "POST";
  EXPECT_EQ(client.send(request).status, 405);
  request = to("/echo");
  request.method = "POST";
  const std::string large(5000, 'x');
  request.body = large;
  EXPECT_EQ(client.send(request).status, 413);
}

TEST_F(Http, StreamsInPieces) {
  const auto answer = client.send(to("/pieces"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "0\n1\n2\n3\n4\n");
  EXPECT_EQ(answer.header("content-type"), "text/event-stream");
}

TEST_F(Http, StopWaitsForHandlers) {
  std::jthread caller([this] { EXPECT_EQ(client.send(to("/waits")).status, 200); });
  entered.acquire();
  std::jthread releaser([this] {
    try {
      for (;;) client.send(to("/hello"));
    } catch (const HttpError&) {  // stopping
      let_go();
    }
  });
  server.stop();
  EXPECT_TRUE(left);
  server.stop();
  caller.join();
  EXPECT_THROW(client.send(to("/hello")), HttpError);
}

TEST_F(Http, HidesHandlerErrors) {
  const HttpResponse response = client.send(to("/throws"));
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, Not(HasSubstr("secret")));
}

TEST_F(Http, ErrorsHidePath) {
  HttpRequest slow = to("/waits?token=geheim");
  slow.timeout = std::chrono::milliseconds(100);
  try {
    client.send(slow);
    FAIL();
  } catch (const HttpError& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("geheim")));
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1"));
  }
  try {
    client.send({.url = Secret("http://user:geheim@127.0.0.1:1/bot123")});
    FAIL();
  } catch (const HttpError& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("geheim")));
    EXPECT_THAT(error.what(), Not(HasSubstr("bot123")));
  }
}

TEST_F(Http, RefusesLargeResponseWhileReading) {
  HttpRequest request = to("/hello?who=" + std::string(500, 'x'));
  request.max_response = 100;
  EXPECT_THROW(client.send(request), HttpError);
}

TEST_F(Http, SinkReceivesBodyOfSuccessOnly) {
  std::string taken;
  HttpRequest request = to("/hello?who=" + std::string(500, 'x'));
  request.max_response = 100;
  request.sink = [&](const HttpResponse& head, std::string_view bytes) {
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("x-answer"), "42");
    taken += bytes;
  };
  EXPECT_EQ(client.send(request).body, "");
  EXPECT_EQ(taken, "hello " + std::string(500, 'x'));
  taken.clear();
  request.url = to("/nothing").url;
  EXPECT_EQ(client.send(request).status, 404);
  EXPECT_EQ(taken, "");
  request.url = to("/hello").url;
  request.sink = [](const HttpResponse&, std::string_view) { throw UsageError("full"); };
  EXPECT_THROW(client.send(request), UsageError);
}

TEST_F(Http, PublicOnlyRefusesOtherAddresses) {
  Client client({});
  const std::string port = std::to_string(server.port());
  for (const std::string host : {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433"}) {
    EXPECT_THROW(client.send({.url = Secret("http://" + host + ":" + port + "/hello"), .public_only = true}), AddressRefused) << host;
  }
  EXPECT_EQ(client.send(to("/hello")).address, "127.0.0.1");
}

TEST(Redirects, AllowHttpOnlyAndNoDowngrade) {
  EXPECT_EQ(redirect_target("https://hub.example/a/b?c", "/d?e=%2F"), "https://hub.example/d?e=%2F");
  EXPECT_EQ(redirect_target("https://hub.example/a/b", "../d"), "https://hub.example/d");
  EXPECT_EQ(redirect_target("http://hub.example:81/a", "https://cdn.example/x"), "https://cdn.example/x");
  EXPECT_EQ(redirect_target("https://hub.example/a", "//cdn.example/x"), "https://cdn.example/x");
  for (const char* location : {"", "http://hub.example/a", "file:///etc/passwd", "ftp://x/", "gopher://x/", "https://", "http://[",
                               "data:,x", "https://user:word@cdn.example/x", "https://cdn.example/\n x"}) {
    EXPECT_EQ(redirect_target("https://hub.example/a", location), std::nullopt) << location;
  }
}

TEST(Redirects, OriginIsSchemeHostAndPort) {
  EXPECT_TRUE(same_origin("https://hub.example/a", "https://HUB.example:443/b?c"));
  for (const char* other : {"http://hub.example/a", "https://hub.example:444/", "https://hub.example.evil/",
                            "https://evil.example/hub.example", "https://hub.example@evil.example/", "", "hub.example"}) {
    EXPECT_FALSE(same_origin("https://hub.example/a", other)) << other;
  }
}

TEST_F(Http, RefusesOtherProtocols) { EXPECT_THROW(client.send({.url = Secret("file:///etc/passwd")}), HttpError); }

TEST_F(Http, CancelsCall) {
  EXPECT_THROW(client.send(to("/waits"), [&] { return entered.try_acquire(); }), Cancelled);
}

TEST_F(Http, ThreadsShareOneClient) {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) good += client.send(to("/hello?who=a")).body == "hello a";
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 200);
}

TEST(PercentEncode, KeepsUnreservedCharacters) {
  EXPECT_EQ(percent_encode("aZ0-_.~ /:+ж"), "aZ0-_.~%20%2F%3A%2B%D0%B6");
  EXPECT_EQ(percent_encode("a/b c", true), "a/b%20c");
}

}  // namespace
}  // namespace p2p::http
