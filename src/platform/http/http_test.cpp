#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "platform/http/client.hpp"
#include "platform/http/server.hpp"

namespace p2p::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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
    server.route("GET", "/slow", [](const ServerRequest&) {
      std::this_thread::sleep_for(std::chrono::seconds(2));
      return ServerResponse{};
    });
    server.route("GET", "/stalls", [](const ServerRequest&) {
      std::this_thread::sleep_for(std::chrono::seconds(4));
      return ServerResponse{};
    });
    server.start();
  }
  HttpRequest to(const std::string& path) { return {.url = Secret("http://127.0.0.1:" + std::to_string(server.port()) + path)}; }

  Server server{{.listen = "127.0.0.1:0", .max_body = 1000}};
  Client client{{}};
};

TEST_F(Http, AnswersReachTheClient) {
  HttpRequest request = to("/hello?who=w%20x");
  request.headers = {{"X-Extra", "!"}};
  const HttpResponse response = client.send(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello w x!");
  EXPECT_EQ(response.header("x-answer"), "42");
  EXPECT_EQ(client.send(to("/files/a/b")).body, "/files/a/b");
}

TEST_F(Http, AStallIsGivenUp) {
  HttpRequest request = to("/stalls");
  request.stall = std::chrono::seconds(1);
  EXPECT_THROW(client.send(request), HttpError);
}

TEST_F(Http, BodiesOfAnyBytesAreSent) {
  HttpRequest request = to("/echo");
  request.method = "POST";
  const std::string bytes("a\0b\xff", 4);
  request.body = bytes;
  EXPECT_EQ(client.send(request).body, bytes);
}

TEST_F(Http, MultipartHoldsEachPart) {
  HttpRequest request = to("/echo");
  request.method = "POST";
  request.parts = {{"a", "1", "", ""}, {"f", "bytes", "x.png", "image/png"}};
  const HttpResponse response = client.send(request);
  EXPECT_EQ(response.status, 200);
}

TEST_F(Http, WrongPathMethodAndSizeAreRefused) {
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

TEST_F(Http, HandlersErrorsAreNotTold) {
  const HttpResponse response = client.send(to("/throws"));
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, Not(HasSubstr("secret")));
}

TEST_F(Http, ErrorsShowNoPathAndSayWhetherTheRequestWasSent) {
  HttpRequest slow = to("/slow?token=geheim");
  slow.timeout = std::chrono::milliseconds(100);
  try {
    client.send(slow);
    FAIL();
  } catch (const HttpError& error) {
    EXPECT_TRUE(error.sent());
    EXPECT_THAT(error.what(), Not(HasSubstr("geheim")));
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1"));
  }
  try {
    client.send({.url = Secret("http://user:geheim@127.0.0.1:1/bot123")});
    FAIL();
  } catch (const HttpError& error) {
    EXPECT_FALSE(error.sent());
    EXPECT_THAT(error.what(), Not(HasSubstr("geheim")));
    EXPECT_THAT(error.what(), Not(HasSubstr("bot123")));
  }
}

TEST_F(Http, LargeAnswersAreRefusedWhileReading) {
  HttpRequest request = to("/hello?who=" + std::string(500, 'x'));
  request.max_response = 100;
  EXPECT_THROW(client.send(request), HttpError);
}

TEST_F(Http, OtherProtocolsAreRefused) { EXPECT_THROW(client.send({.url = Secret("file:///etc/passwd")}), HttpError); }

TEST_F(Http, CallsAreCancelled) {
  std::atomic<bool> stop = false;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop = true;
  });
  EXPECT_THROW(client.send(to("/slow"), [&] { return stop.load(); }), Cancelled);
  later.join();
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

TEST(HttpServer, BadAddressesAreUsageErrors) {
  for (const char* listen : {"", "x", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x", "203.0.113.1:80"}) {
    Server server({.listen = listen});
    EXPECT_THROW(server.start(), UsageError) << listen;
  }
}

TEST(PercentEncode, KeepsUnreservedAlone) {
  EXPECT_EQ(percent_encode("aZ0-_.~ /:+ж"), "aZ0-_.~%20%2F%3A%2B%D0%B6");
  EXPECT_EQ(percent_encode("a/b c", true), "a/b%20c");
}

}  // namespace
}  // namespace p2p::http
