#include "platform/http/request_reader.hpp"

#include <gmock/gmock.h>

namespace p2p::http {
namespace {

using State = RequestReader::State;

/// Reads `bytes` in pieces of `step`; returns the final state and the remaining input.
State read_all(RequestReader& reader, std::string bytes, std::string& in, std::size_t step) {
  for (std::size_t from = 0; from < bytes.size(); from += step) {
    in += bytes.substr(from, step);
    for (auto before = reader.state(); reader.read(in) != before && reader.state() != State::done; before = reader.state()) {
    }
    if (reader.state() == State::done || reader.state() == State::refused) {
      if (reader.state() == State::done) in += bytes.substr(std::min(from + step, bytes.size()));
      break;
    }
  }
  return reader.state();
}

/// The status with which the bytes are refused; 0 for a complete request, 1 for an incomplete one.
int status_of(const std::string& bytes, ServerLimits limits = {}) {
  std::set<int> statuses;
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    RequestReader reader(limits);
    std::string in;
    const State state = read_all(reader, bytes, in, step);
    statuses.insert(state == State::done ? 0 : state == State::refused ? reader.refusal().status : 1);
  }
  EXPECT_EQ(statuses.size(), 1u) << "the result depends on how the input is split: " << bytes.substr(0, 200);
  return *statuses.begin();
}

const std::string kHost = "Host: x\r\n";

TEST(RequestReader, ReadsConsecutiveRequests) {
  const std::string bytes =
      "GET /a%20b?c=d+e&f HTTP/1.1\r\nHOST: x\r\nX-Extra:  y \r\n\r\n"
      "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
      "POST /q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nConnection: "
      "close\r\n\r\n3;e=\"1\"\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: no\r\n\r\n";
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    RequestReader reader({});
    std::string in;
    ASSERT_EQ(read_all(reader, bytes, in, step), State::done);
    EXPECT_EQ(reader.request().method, "GET");
    EXPECT_EQ(reader.request().path, "/a b");
    EXPECT_EQ(reader.request().query_value("c"), "d e");
    EXPECT_EQ(reader.request().query.size(), 2u);
    EXPECT_EQ(reader.request().header("x-extra"), "y");
    EXPECT_TRUE(reader.keep_alive());
    reader.restart();
    ASSERT_EQ(read_all(reader, std::exchange(in, ""), in, step), State::done);
    EXPECT_EQ(reader.request().body, "hello");
    reader.restart();
    ASSERT_EQ(read_all(reader, std::exchange(in, ""), in, step), State::done);
    EXPECT_EQ(reader.request().body, "abcde");
    EXPECT_EQ(reader.request().header("x-trailer"), "");
    EXPECT_FALSE(reader.keep_alive());
    EXPECT_EQ(in, "");
  }
}

TEST(RequestReader, RefusesAmbiguousLengths) {
  const auto with = [](const std::string& headers) { return status_of("POST / HTTP/1.1\r\n" + kHost + headers + "\r\nabc"); };
  EXPECT_EQ(with("Content-Length: 3\r\n"), 0);
  for (const char* headers :
       {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n", "Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: 3, 3\r\n",
        "Content-Length: +3\r\n", "Content-Length: -3\r\n", "Content-Length: 0x3\r\n", "Content-Length: \r\n", "Content-Length: 3 3\r\n",
        "Content-Length: 99999999999999999999999\r\n", "Content-Length : 3\r\n", " Content-Length: 3\r\n", "X: y\r\n Content-Length: 3\r\n",
        "X: y\nContent-Length: 3\r\n", "X: y\rContent-Length: 3\r\n", "Content-Length\r\n", ": 3\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"})
    EXPECT_THAT(with(headers), ::testing::AnyOf(400, 413)) << headers;
  for (const char* headers :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked;q=1\r\n"})
    EXPECT_THAT(with(headers), ::testing::AnyOf(400, 501)) << headers;
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
}

TEST(RequestReader, RefusesInvalidChunks) {
  const auto with = [](const std::string& body) {
    return status_of("POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n" + body);
  };
  EXPECT_EQ(with("3\r\nabc\r\n0\r\n\r\n"), 0);
  for (const char* body : {"x\r\n", "-1\r\n", "0x3\r\nabc\r\n", "3\nabc\n0\n\n", "3 \nabc\r\n0\r\n\r\n", "3\r\nabcX\r\n0\r\n\r\n",
                           "3\r\nabc0\r\n\r\n", "fffffffffffffffff\r\n", "\r\n", ";e\r\n", "3\r\nabc\r\n0\r\n: x\r\n\r\n"})
    EXPECT_THAT(with(body), ::testing::AnyOf(400, 413)) << body;
  EXPECT_EQ(with("3;" + std::string(20'000, 'e')), 400);
  EXPECT_EQ(with("3" + std::string(20'000, ' ')), 400);
  EXPECT_EQ(with("0\r\n" + std::string(20'000, 'e')), 400);
  EXPECT_EQ(with(std::string(20'000, '0')), 400);
}

TEST(RequestReader, RefusesRequestsBeyondLimits) {
  const ServerLimits limits{.header_bytes = 1000, .headers = 10, .body_bytes = 100};
  EXPECT_EQ(status_of(std::string(2000, 'A'), limits), 414);
  EXPECT_EQ(status_of("GET /" + std::string(2000, 'a'), limits), 414);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n" + kHost + "X: " + std::string(2000, 'a') + "\r\n\r\n", limits), 431);
  std::string many = "GET / HTTP/1.1\r\n" + kHost;
  for (int i = 0; i < 10; ++i) many += "a: b\r\n";
  EXPECT_EQ(status_of(many + "\r\n", limits), 431);
  const std::string post = "POST / HTTP/1.1\r\n" + kHost;
  EXPECT_EQ(status_of(post + "Content-Length: 101\r\n\r\n", limits), 413);
  EXPECT_EQ(status_of(post + "Transfer-Encoding: chunked\r\n\r\n33\r\n" + std::string(0x33, 'x') + "\r\n33\r\n", limits), 413);
}

TEST(RequestReader, RefusesUnsupportedFeatures) {
  EXPECT_EQ(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(status_of("TRACE / HTTP/1.1\r\n" + kHost + "\r\n"), 501);
  EXPECT_EQ(status_of("CONNECT x:80 HTTP/1.1\r\n" + kHost + "\r\n"), 501);
  EXPECT_EQ(status_of("get / HTTP/1.1\r\n" + kHost + "\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.2\r\n" + kHost + "\r\n"), 505);
  EXPECT_EQ(status_of("GET /\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\x16\x03\x01\x02"), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\n" + kHost + "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx"), 415);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\n" + kHost + "Expect: magic\r\nContent-Length: 1\r\n\r\nx"), 417);
  for (const char* host : {"", "Host: x\r\nHost: x\r\n", "Host: x y\r\n", "Host: x/y\r\n", "Host: x@y\r\n"})
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\n" + std::string(host) + "\r\n"), 400) << host;
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 0);
  for (const char* target : {"x", "*", "/%", "/%4", "/%zz", "/%00", "http://x"})
    EXPECT_EQ(status_of("GET " + std::string(target) + " HTTP/1.1\r\n" + kHost + "\r\n"), 400) << target;
  EXPECT_EQ(status_of("GET http://x/y HTTP/1.1\r\n" + kHost + "\r\n"), 0);
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n"), 0);
  EXPECT_EQ(status_of("\r\nGET / HTTP/1.1\r\n" + kHost + "\r\n"), 0);
  EXPECT_EQ(status_of("\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\r\n\r"), 400);
}

}  // namespace
}  // namespace p2p::http
