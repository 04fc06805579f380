#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <sstream>
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
    server.route("GET", "/slow", [](const ServerRequest&) {
      std::this_thread::sleep_for(std::chrono::seconds(2));
      return ServerResponse{};
    });
    server.route("GET", "/stalls", [](const ServerRequest&) {
      std::this_thread::sleep_for(std::chrono::seconds(4));
      return ServerResponse{};
    });
    server.route("GET", "/pieces", [](const ServerRequest&) {
      return ServerResponse{.content_type = "text/event-stream", .stream = [n = 0](std::string& piece) mutable {
                              if (n % 2 == 0) piece = std::to_string(n) + "\n";
                              return ++n < 5;
                            }};
    });
    server.start();
  }
  HttpRequest to(const std::string& path) { return {.url = Secret("http://127.0.0.1:" + std::to_string(server.port()) + path)}; }
  /// What is answered to the bytes as they are.
  std::string raw(std::string_view bytes) {
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{.sin_family = AF_INET,
                        .sin_port = htons(static_cast<std::uint16_t>(server.port())),
                        .sin_addr = {htonl(INADDR_LOOPBACK)},
                        .sin_zero = {}};
    std::string answer;
    if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      while (!bytes.empty()) {
        const ssize_t sent = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      std::array<char, 4096> part{};
      for (ssize_t count = 0; (count = recv(connection, part.data(), part.size(), 0)) > 0;)
        answer.append(part.data(), static_cast<std::size_t>(count));
    }
    close(connection);
    return answer;
  }

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

TEST_F(Http, LargeBodiesAreRefusedHoweverTheyAreSent) {
  const std::string post = "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  const auto chunked = [&](const std::string& body, std::size_t count) {
    std::ostringstream text;
    text << post << "Transfer-Encoding: chunked\r\n\r\n" << std::hex;
    for (std::size_t i = 0; i < count; ++i) text << body.size() << "\r\n" << body << "\r\n";
    return raw(text.str() + "0\r\n\r\n");
  };
  EXPECT_THAT(chunked("short", 2), EndsWith("shortshort"));
  EXPECT_THAT(chunked(std::string(1000, 'x'), 5000), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(raw(post + "Transfer-Encoding: chunked\r\n\r\nno number\r\n"), StartsWith("HTTP/1.1 400"));
  // 20,000 bytes, packed by gzip
  const std::string packed(
      "\x1f\x8b\x08\0\0\0\0\0\x02\x03\xed\xc1\x31\x01\0\0\0\xc2\xa0\xda\x8b\x6f\x0d\x0f\xa0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x78\x30"
      "\x03\x47\x65\x41\x20\x4e\0\0",
      54);
  EXPECT_THAT(raw(post + "Content-Encoding: gzip\r\nContent-Length: 54\r\n\r\n" + packed), StartsWith("HTTP/1.1 413"));
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + std::string(600, 'x') + "\r\n";
  const std::string form = post + "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(raw(form + "51d\r\n" + part + part + "--b--\r\n\r\n0\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(client.send(to("/hello")).status, 200) << "it still serves";
}

TEST_F(Http, AStreamComesInPieces) {
  const auto answer = client.send(to("/pieces"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "0\n2\n4\n");
  EXPECT_THAT(raw("GET /pieces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), HasSubstr("Content-Type: text/event-stream"));
}

TEST_F(Http, AStopWaitsForHandlers) {
  std::jthread caller([this] { EXPECT_EQ(client.send(to("/slow")).status, 200); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  server.stop();
  server.stop();
  caller.join();
  EXPECT_THROW(client.send(to("/hello")), HttpError);
}

TEST_F(Http, HandlersErrorsAreNotTold) {
  const HttpResponse response = client.send(to("/throws"));
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, Not(HasSubstr("secret")));
}

TEST_F(Http, ErrorsShowNoPath) {
  HttpRequest slow = to("/slow?token=geheim");
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

TEST_F(Http, LargeAnswersAreRefusedWhileReading) {
  HttpRequest request = to("/hello?who=" + std::string(500, 'x'));
  request.max_response = 100;
  EXPECT_THROW(client.send(request), HttpError);
}

TEST_F(Http, ASinkTakesTheBodyOfASuccessAlone) {
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

TEST(Redirects, LeadToHttpAloneAndNeverToLess) {
  EXPECT_EQ(redirect_target("https://hub.example/a/b?c", "/d?e=%2F"), "https://hub.example/d?e=%2F");
  EXPECT_EQ(redirect_target("https://hub.example/a/b", "../d"), "https://hub.example/d");
  EXPECT_EQ(redirect_target("http://hub.example:81/a", "https://cdn.example/x"), "https://cdn.example/x");
  EXPECT_EQ(redirect_target("https://hub.example/a", "//cdn.example/x"), "https://cdn.example/x");
  for (const char* location : {"", "http://hub.example/a", "file:///etc/passwd", "ftp://x/", "gopher://x/", "https://", "http://[",
                               "data:,x", "https://user:word@cdn.example/x", "https://cdn.example/\n x"}) {
    EXPECT_EQ(redirect_target("https://hub.example/a", location), std::nullopt) << location;
  }
}

TEST(Redirects, AnOriginIsSchemeHostAndPort) {
  EXPECT_TRUE(same_origin("https://hub.example/a", "https://HUB.example:443/b?c"));
  for (const char* other : {"http://hub.example/a", "https://hub.example:444/", "https://hub.example.evil/",
                            "https://evil.example/hub.example", "https://hub.example@evil.example/", "", "hub.example"}) {
    EXPECT_FALSE(same_origin("https://hub.example/a", other)) << other;
  }
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
