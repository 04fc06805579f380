#include "platform/http/server.hpp"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <semaphore>
#include <sstream>
#include <thread>

#include "base/error.hpp"

namespace p2p::http {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A raw TCP connection.
class Wire {
 public:
  explicit Wire(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(static_cast<std::uint16_t>(port)), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Wire() { ::close(socket_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// False if the other end has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Reads until `end` or the end of the connection.
  std::string read_until(std::string_view end) {
    std::array<char, 4096> part{};
    while (end.empty() || got_.find(end) == std::string::npos) {
      const ssize_t count = recv(socket_, part.data(), part.size(), 0);
      if (count <= 0) return std::exchange(got_, "");
      got_.append(part.data(), static_cast<std::size_t>(count));
    }
    const std::size_t size = got_.find(end) + end.size();
    std::string result = got_.substr(0, size);
    got_.erase(0, size);
    return result;
  }
  std::string read_all() { return read_until(""); }

 private:
  int socket_;
  std::string got_;
};

class ServerTest : public ::testing::Test {
 protected:
  void serve(ServerConfig config) {
    config.listen = "127.0.0.1:0";
    server = std::make_unique<Server>(std::move(config));
    server->route("GET", "/hello", [](const ServerRequest&) { return ServerResponse{.body = "hello"}; });
    const Handler echo = [](const ServerRequest& request) { return ServerResponse{.body = request.body}; };
    server->route("POST", "/echo", echo);
    server->route("POST", "/file", echo, {}, Body::file);
    server->route(
        "POST", "/guarded", [](const ServerRequest& request) { return ServerResponse{.body = request.body}; },
        [](const ServerRequest& request) -> std::optional<ServerResponse> {
          if (request.header("key") == "right") return std::nullopt;
          return ServerResponse{.status = 401, .body = "no key"};
        });
    server->route("GET", "/large", [](const ServerRequest&) { return ServerResponse{.body = std::string(4u << 20u, 'x')}; });
    server->route("GET", "/later", [this](const ServerRequest& request) {
      {
        const std::scoped_lock lock(mutex);
        wakes.push_back(request.wake);
      }
      asked.release();
      return ServerResponse{.later = [this]() -> std::optional<ServerResponse> {
        if (!is_known) return std::nullopt;
        return ServerResponse{.body = "known"};
      }};
    });
    server->route("GET", "/events", [this](const ServerRequest& request) {
      {
        const std::scoped_lock lock(mutex);
        wakes.push_back(request.wake);
      }
      auto alive = std::make_shared<Counted>(streams);
      return ServerResponse{.content_type = "text/event-stream", .stream = [this, alive, sent_events = 0](std::string& piece) mutable {
                              if (sent_events < events) piece = "event " + std::to_string(++sent_events) + "\n";
                              return sent_events < 3;
                            }};
    });
    server->start();
  }
  /// Sends the bytes and reads until the connection ends.
  std::string raw(std::string_view bytes) {
    Wire wire(server->port());
    wire.send(bytes);
    return wire.read_all();
  }
  void wake_all() {
    const std::scoped_lock lock(mutex);
    for (const auto& wake : wakes) wake();
  }

  struct Counted {
    explicit Counted(std::atomic<int>& count) : count_(count) { ++count_; }
    ~Counted() {
      --count_;
      count_.notify_all();
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    std::atomic<int>& count_;
  };

  std::mutex mutex;
  std::vector<std::function<void()>> wakes;
  std::counting_semaphore<> asked{0};
  std::atomic<bool> is_known = false;
  std::atomic<int> events = 0;
  std::atomic<int> streams = 0;
  std::unique_ptr<Server> server;
};

const std::string kClose = "Host: x\r\nConnection: close\r\n";

TEST_F(ServerTest, RefusesLargeBodies) {
  serve({.limits = {.body_bytes = 1000}});
  const std::string post = "POST /echo HTTP/1.1\r\n" + kClose;
  const auto chunked = [&](const std::string& body, std::size_t count) {
    std::ostringstream text;
    text << post << "Transfer-Encoding: chunked\r\n\r\n" << std::hex;
    for (std::size_t i = 0; i < count; ++i) text << body.size() << "\r\n" << body << "\r\n";
    return raw(text.str() + "0\r\n\r\n");
  };
  EXPECT_THAT(chunked("short", 2), EndsWith("shortshort"));
  EXPECT_THAT(chunked(std::string(1000, 'x'), 5000), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(raw(post + "Content-Length: 5000000\r\n\r\n" + std::string(5'000'000, 'x')), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(raw(post + "Transfer-Encoding: chunked\r\n\r\nno number\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(raw(post + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"), StartsWith("HTTP/1.1 415"));
  EXPECT_THAT(raw("GET /hello HTTP/1.1\r\n" + kClose + "\r\n"), EndsWith("hello")) << "the server still works";
}

TEST_F(ServerTest, RoutesForFilesTakeLargerBodies) {
  serve({.limits = {.body_bytes = 1000, .file_bytes = 100'000}});
  const auto post = [&](const std::string& path, std::size_t size) {
    return raw("POST " + path + " HTTP/1.1\r\n" + kClose + "Content-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
  };
  EXPECT_THAT(post("/file", 100'000), EndsWith(std::string(100'000, 'x')));
  EXPECT_THAT(post("/file", 100'001), HasSubstr("413"));
  EXPECT_THAT(post("/echo", 1001), HasSubstr("at most 1000 bytes"));
  const std::string chunk = "186a0\r\n" + std::string(100'000, 'x') + "\r\n";
  const std::string chunked = "POST /file HTTP/1.1\r\n" + kClose + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(raw(chunked + chunk + "0\r\n\r\n"), EndsWith(std::string(100'000, 'x')));
  EXPECT_THAT(raw(chunked + chunk + "1\r\nx\r\n0\r\n\r\n"), HasSubstr("at most 100000 bytes"));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  serve({});
  const std::string get = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string post = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  Wire wire(server->port());
  wire.send(get + post + get + "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" + post + "GET /hello HTTP/1.1\r\n" + kClose + "\r\n");
  for (const char* body : {"\r\n\r\nhello", "\r\n\r\nabc", "\r\n\r\nhello", "\r\n\r\nnot found\n", "\r\n\r\nabc"})
    EXPECT_THAT(wire.read_until(body), EndsWith(body));
  EXPECT_THAT(wire.read_all(), EndsWith("hello"));
}

TEST_F(ServerTest, UnreadBodyIsNotParsedAsRequest) {
  serve({});
  const std::string inner = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const std::string& head : {std::string("POST /guarded"), std::string("POST /nothing"), std::string("PATCH /echo")}) {
    const std::string answer = raw(head + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(inner.size()) + "\r\n\r\n" + inner);
    EXPECT_THAT(answer, HasSubstr("Connection: close")) << head;
    EXPECT_THAT(answer, Not(HasSubstr("200 OK"))) << head;
  }
  // Nor is a body that was read.
  const std::string answer =
      raw("GET /hello HTTP/1.1\r\n" + kClose + "Content-Length: " + std::to_string(inner.size()) + "\r\n\r\n" + inner);
  EXPECT_EQ(answer.find("200 OK"), answer.rfind("200 OK"));
}

TEST_F(ServerTest, GuardRefusesBeforeBodyIsRead) {
  serve({});
  Wire wire(server->port());
  wire.send("POST /guarded HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_THAT(wire.read_all(), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(raw("POST /guarded HTTP/1.1\r\nKey: right\r\n" + kClose + "Content-Length: 2\r\n\r\nhi"), EndsWith("hi"));
}

TEST_F(ServerTest, SendsContinueForExpect) {
  serve({});
  Wire wire(server->port());
  wire.send("POST /echo HTTP/1.1\r\n" + kClose + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(wire.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  wire.send("hi");
  EXPECT_THAT(wire.read_all(), EndsWith("hi"));
}

TEST_F(ServerTest, ReportsUnknownMethodsAndPaths) {
  serve({});
  EXPECT_THAT(raw("HEAD /hello HTTP/1.1\r\n" + kClose + "\r\n"), ::testing::AllOf(HasSubstr("Content-Length: 5"), EndsWith("\r\n\r\n")));
  EXPECT_THAT(raw("DELETE /hello HTTP/1.1\r\n" + kClose + "\r\n"),
              ::testing::AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD")));
  EXPECT_THAT(raw("OPTIONS /echo HTTP/1.1\r\n" + kClose + "\r\n"), ::testing::AllOf(StartsWith("HTTP/1.1 204"), HasSubstr("Allow: POST")));
  EXPECT_THAT(raw("GET /hello HTTP/1.0\r\n\r\n"), ::testing::AllOf(HasSubstr("Connection: close"), EndsWith("hello")));
  EXPECT_THAT(raw("GET /hello HTTP/1.1\r\nRange: bytes=0-1\r\n" + kClose + "\r\n"),
              ::testing::AllOf(StartsWith("HTTP/1.1 200"), EndsWith("hello")));
}

TEST_F(ServerTest, RefusesOtherHosts) {
  serve({.hosts = {"localhost", "127.0.0.1", "[::1]"}});
  for (const char* host : {"localhost:8080", "LOCALHOST", "127.0.0.1:1", "[::1]:5"})
    EXPECT_THAT(raw("GET /hello HTTP/1.1\r\nConnection: close\r\nHost: " + std::string(host) + "\r\n\r\n"), StartsWith("HTTP/1.1 200"))
        << host;
  for (const char* host : {"evil.example", "localhost.evil.example:8080", "[::2]"})
    EXPECT_THAT(raw("GET /hello HTTP/1.1\r\nConnection: close\r\nHost: " + std::string(host) + "\r\n\r\n"), StartsWith("HTTP/1.1 421"))
        << host;
}

TEST_F(ServerTest, WaitingResponseUsesNoThread) {
  serve({.threads = 1});
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 200; ++i) {
    wires.push_back(std::make_unique<Wire>(server->port()));
    wires.back()->send("GET /later HTTP/1.1\r\n" + kClose + "\r\n");
  }
  for (int i = 0; i < 200; ++i) asked.acquire();
  EXPECT_THAT(raw("GET /hello HTTP/1.1\r\n" + kClose + "\r\n"), EndsWith("hello"));
  is_known = true;
  wake_all();
  for (const auto& wire : wires) EXPECT_THAT(wire->read_all(), EndsWith("known"));
}

TEST_F(ServerTest, WakeContinuesStream) {
  serve({});
  Wire wire(server->port());
  wire.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(wire.read_until("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked"));
  for (int i = 1; i <= 3; ++i) {
    events = i;
    wake_all();
    EXPECT_EQ(wire.read_until("\n\r\n"), "8\r\nevent " + std::to_string(i) + "\n\r\n");
  }
  EXPECT_EQ(wire.read_until("\r\n\r\n"), "0\r\n\r\n");
  wire.send("GET /hello HTTP/1.1\r\n" + kClose + "\r\n");
  EXPECT_THAT(wire.read_all(), EndsWith("hello"));
}

TEST_F(ServerTest, StreamEndsWhenClientLeaves) {
  serve({});
  {
    Wire wire(server->port());
    wire.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.read_until("\r\n\r\n");
    events = 1;
    wake_all();
    wire.read_until("\n\r\n");
    EXPECT_EQ(streams, 1);
  }
  streams.wait(1);
  EXPECT_EQ(streams, 0);
  wake_all();  // must have no effect
}

TEST_F(ServerTest, ClosesSlowClients) {
  serve({.limits = {.request = milliseconds(50), .idle = milliseconds(80), .send = milliseconds(60)}});
  Wire unfinished(server->port()), idle(server->port()), body(server->port());
  unfinished.send("GET /hel");
  body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(unfinished.read_all(), StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(body.read_all(), StartsWith("HTTP/1.1 408"));
  EXPECT_EQ(idle.read_all(), "");
  // Many requests from a client that does not read: responses are dropped after the timeout.
  Wire reader(server->port());
  for (int i = 0; i < 10; ++i) reader.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  while (reader.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")) std::this_thread::yield();
}

TEST_F(ServerTest, FullServerAcceptsNextConnection) {
  serve({.limits = {.connections = 20}});
  std::vector<std::unique_ptr<Wire>> idle;
  for (int i = 0; i < 100; ++i) idle.push_back(std::make_unique<Wire>(server->port()));
  EXPECT_THAT(raw("GET /hello HTTP/1.1\r\n" + kClose + "\r\n"), EndsWith("hello"));
  EXPECT_EQ(idle.front()->read_all(), "") << "the oldest is closed";
}

TEST_F(ServerTest, RefusesTooManyRequestsOfOneAddress) {
  serve({.limits = {.requests_per_second = 3}});
  std::string answers;
  for (int i = 0; i < 10; ++i) answers += raw("GET /hello HTTP/1.1\r\n" + kClose + "\r\n").substr(0, 12) + ";";
  EXPECT_THAT(answers, ::testing::AllOf(StartsWith("HTTP/1.1 200;HTTP/1.1 200;HTTP/1.1 200;"), HasSubstr("HTTP/1.1 429")));
}

TEST_F(ServerTest, ErrorsHaveConfiguredBody) {
  serve({.error = [](int status, const std::string& path, const std::string&) {
    return ServerResponse{.content_type = "application/json", .body = "{\"" + path + "\":" + std::to_string(status) + "}"};
  }});
  EXPECT_THAT(raw("GET /v1/x HTTP/1.1\r\n" + kClose + "\r\n"),
              ::testing::AllOf(HasSubstr("application/json"), EndsWith("{\"/v1/x\":404}")));
  EXPECT_THAT(raw("POST /echo HTTP/1.1\r\n" + kClose + "Content-Length: 99999999\r\n\r\n"), EndsWith(":413}"));
}

TEST_F(ServerTest, StopEndsWaitingResponses) {
  serve({});
  Wire later(server->port()), events_wire(server->port()), idle(server->port());
  later.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  asked.acquire();
  events_wire.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  events_wire.read_until("\r\n\r\n");
  server->stop();
  EXPECT_THAT(later.read_all(), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(events_wire.read_all(), "0\r\n\r\n");
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(streams, 0);
}

TEST(Server, InvalidAddressIsUsageError) {
  for (const char* listen : {"", "x", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x", "203.0.113.1:80", "no-such-host.invalid:80"}) {
    Server server({.listen = listen});
    EXPECT_THROW(server.start(), UsageError) << listen;
  }
}

TEST(Server, ReportsPortInUse) {
  Server first({.listen = "127.0.0.1:0"});
  first.start();
  const std::string port = std::to_string(first.port());
  Server second({.listen = "127.0.0.1:" + port, .setting = "P2P_SOMETHING"});
  try {
    second.start();
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), ::testing::AllOf(HasSubstr("P2P_SOMETHING"), HasSubstr("sport = :" + port)));
  }
}

}  // namespace
}  // namespace p2p::http
