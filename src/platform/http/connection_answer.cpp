#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <ctime>

#include <boost/beast/http/status.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "platform/http/connection.hpp"

namespace p2p::http {
namespace {

namespace asio = boost::asio;
using Problem = boost::system::error_code;

constexpr std::size_t kPaced = 64u << 10u;  // bytes covered by one period of the send timeout

std::string date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  // Not strftime, whose day and month names depend on the locale.
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %d %02d:%02d:%02d GMT", kDays.at(static_cast<std::size_t>(parts.tm_wday)),
                parts.tm_mday, kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                parts.tm_sec);
  return text.data();
}

std::string hex(std::size_t value) {
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%zx", value);
  return text.data();
}

std::string allowed(const ServerState& server, const std::string& path) {
  std::string methods;
  for (const Route& route : server.routes) {
    if ((path == "*" || route.matches(path)) && methods.find(route.method) == std::string::npos)
      methods += (methods.empty() ? "" : ", ") + route.method + (route.method == "GET" ? ", HEAD" : "");
  }
  return methods;
}

}  // namespace

const Route* find_route(const ServerState& server, const ServerRequest& request, ServerResponse& refusal) {
  const std::string& method = request.method == "HEAD" ? "GET" : request.method;
  const Route* known = nullptr;
  for (const Route& route : server.routes) {
    if (!route.matches(request.path)) continue;
    if (route.method == method) return &route;
    if (route.method != "OPTIONS") known = &route;
  }
  const std::string methods = allowed(server, request.path);
  if (method == "OPTIONS" && (known || request.path == "*")) {
    refusal = {.status = 204};
  } else {
    refusal = error_response(server.config, known ? 405 : 404, request.path, known ? "method not allowed" : "not found");
  }
  if (known || refusal.status == 204) refusal.headers.emplace_back("Allow", methods);
  return nullptr;
}

bool takes_file(const ServerState& server, const ServerRequest& request) {
  return std::ranges::any_of(server.routes, [&](const Route& route) {
    return route.body == Body::file && route.method == request.method && route.matches(request.path);
  });
}

ServerResponse error_response(const ServerConfig& config, int status, const std::string& path, const std::string& text) {
  ServerResponse response = config.error ? config.error(status, path, text) : ServerResponse{.body = text + "\n"};
  response.status = status;
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

std::string head_of(const ServerResponse& response, std::optional<std::uint64_t> length, bool chunked, bool keep_alive) {
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason.data(), reason.size()) + "\r\n";
  const auto add = [&](std::string_view name, std::string_view value) {
    for (const std::string_view text : {name, value}) {
      if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) throw Error("a response header contains a line end");
    }
    head.append(name).append(": ").append(value).append("\r\n");
  };
  if (std::ranges::find(response.headers, "Date", &HeaderList::value_type::first) == response.headers.end()) add("Date", date());
  const bool has_body = response.status >= 200 && response.status != 204 && response.status != 304;
  if (has_body) add("Content-Type", response.content_type);
  add("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) add(name, value);
  if (has_body && length) add("Content-Length", std::to_string(*length));
  if (has_body && !length && chunked) add("Transfer-Encoding", "chunked");
  add("Connection", keep_alive ? "keep-alive" : "close");
  return head + "\r\n";
}

void Connection::handle() {
  enter(Seat::Phase::busy, std::chrono::hours(24));
  keep_alive_ = reader_.keep_alive();
  head_only_ = reader_.request().method == "HEAD";
  running_ = true;
  woken_ = false;
  ServerRequest request = std::move(reader_.request());
  request.wake = make_wake();
  const std::size_t handled = server_.connections.begin_handling(seat_);
  // Moves, so that the last reference is released on the event loop's thread.
  asio::post(server_.handlers,
             [self = shared_from_this(), request = std::move(request), handled, work = asio::make_work_guard(*server_.loop)]() mutable {
               ServerResponse response;
               try {
                 response = self->route_->handler(request);
               } catch (const std::exception& error) {
                 log::error("a request to the HTTP server failed", {{"path", self->route_->path}, {"error", error.what()}});
                 response = error_response(self->server_.config, 500, request.path, "internal error");
               }
               release(request.body);
               auto& loop = *self->server_.loop;
               asio::post(loop, [self = std::move(self), response = std::move(response), handled]() mutable {
                 self->server_.connections.end_handling(handled);
                 self->running_ = false;
                 self->answer(std::move(response));
               });
             });
}

std::function<void()> Connection::make_wake() {
  const auto posted = std::make_shared<std::atomic<bool>>(false);
  return [loop = server_.loop, weak = weak_from_this(), posted] {
    if (posted->exchange(true)) return;
    asio::post(*loop, [weak, posted] {
      *posted = false;
      if (const auto self = weak.lock()) self->woken();
    });
  };
}

void Connection::answer(ServerResponse response) {
  if (!socket_.is_open()) return;
  response_ = std::move(response);
  if (response_.later) return continue_response();
  if (server_.stopping) keep_alive_ = false;
  try {
    if (response_.stream) return begin_stream();
    std::string bytes = head_of(response_, response_.body.size(), false, keep_alive_);
    if (!head_only_ && response_.status != 204 && response_.status != 304) bytes += response_.body;
    release(response_.body);
    complete_ = true;
    send(std::move(bytes));
  } catch (const std::exception& error) {
    log::error("a response cannot be sent", {{"error", error.what()}});
    close();
  }
}

void Connection::begin_stream() {
  chunked_ = !response_.length && !reader_.is_http_1_0();
  if (!response_.length && !chunked_) keep_alive_ = false;
  complete_ = head_only_;
  send(head_of(response_, response_.length, chunked_, keep_alive_));
}

void Connection::continue_response() {
  waiting_ = false;
  woken_ = false;
  running_ = true;
  enter(Seat::Phase::busy, std::chrono::hours(24));
  asio::post(server_.handlers, [self = shared_from_this(), work = asio::make_work_guard(*server_.loop)]() mutable {
    std::optional<ServerResponse> answer;
    std::string piece;
    bool goes_on = false;
    std::string failure;
    try {
      if (self->response_.later) {
        answer = self->response_.later();
      } else {
        goes_on = self->response_.stream(piece);
      }
    } catch (const std::exception& error) {
      failure = error.what();
    }
    auto& loop = *self->server_.loop;
    asio::post(loop, [self = std::move(self), answer = std::move(answer), piece = std::move(piece), goes_on, failure]() mutable {
      self->running_ = false;
      if (!failure.empty()) {
        log::error("a response ended early", {{"error", failure}});
        self->close();
      }
      if (!self->socket_.is_open()) {
        self->response_ = {};
      } else if (!self->response_.later) {
        self->take_piece(std::move(piece), goes_on);
      } else if (answer) {
        self->answer(std::move(*answer));
      } else if (self->server_.stopping) {
        self->refuse(503, "the server stops");
      } else {
        self->wait();
      }
    });
  });
}

void Connection::wait() {
  if (woken_) return continue_response();
  waiting_ = true;
  enter(Seat::Phase::busy, response_.pause);
  watch_for_end();
}

void Connection::woken() {
  if (waiting_ && socket_.is_open()) return continue_response();
  woken_ = true;
}

void Connection::watch_for_end() {
  if (watching_) return;
  watching_ = true;
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_read, [self = shared_from_this()](const Problem& problem) {
    self->watching_ = false;
    if (problem || !self->waiting_) return;
    char byte = 0;
    Problem failed;
    self->socket_.receive(asio::buffer(&byte, 1), boost::asio::ip::tcp::socket::message_peek, failed);
    // The next request may already be in the buffer.
    if (failed && failed != asio::error::would_block) self->close();
  });
}

void Connection::take_piece(std::string piece, bool goes_on) {
  std::string bytes;
  if (!piece.empty()) bytes = chunked_ ? hex(piece.size()) + "\r\n" + piece + "\r\n" : std::move(piece);
  complete_ = !goes_on || (bytes.empty() && server_.stopping);
  if (complete_ && chunked_) bytes += "0\r\n\r\n";
  if (bytes.empty()) return complete_ ? sent() : wait();
  send(std::move(bytes));
}

void Connection::send(std::string bytes) {
  out_ = std::move(bytes);
  sent_ = sent_at_limit_ = 0;
  enter(Seat::Phase::sending, server_.config.limits.send);
  if (!server_.connections.hold(seat_, out_.capacity() + in_.capacity())) return close();
  send_more();
}

void Connection::send_more() {
  socket_.async_write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_),
                           [self = shared_from_this()](const Problem& problem, std::size_t count) {
                             if (problem) return self->close();
                             self->sent_ += count;
                             if (self->sent_ == self->out_.size()) return self->sent();
                             if (self->sent_ - self->sent_at_limit_ >= kPaced) {
                               self->sent_at_limit_ = self->sent_;
                               self->enter(Seat::Phase::sending, self->server_.config.limits.send);
                             }
                             self->send_more();
                           });
}

void Connection::sent() {
  release(out_);
  if (!complete_) return continue_response();
  keep_alive_ && !server_.stopping ? next_request() : linger();
}

}  // namespace p2p::http
