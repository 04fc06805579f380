#include "platform/http/connection.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace p2p::http {
namespace {

namespace asio = boost::asio;
using Problem = boost::system::error_code;
using Tcp = asio::ip::tcp;

constexpr std::size_t kReadAtOnce = 16u << 10u;
constexpr std::size_t kPacedBytes = 1u << 20u;
constexpr std::size_t kLingerBytes = 16u << 20u;
constexpr std::chrono::seconds kLinger{2};

/// The host name without the port.
std::string host_of(std::string_view header) {
  const std::size_t bracket = header.find(']');
  return to_lower(header.substr(0, header.find(':', bracket == std::string_view::npos ? 0 : bracket)));
}

}  // namespace

Connection::Connection(ServerState& server, Tcp::socket socket, const std::string& address)
    : server_(server),
      socket_(std::move(socket)),
      deadline_(*server.loop),
      address_(address),
      reader_(server.config.limits, [&server](const ServerRequest& request) { return takes_file(server, request); }) {
  seat_.address = Connections::key(address);
  seat_.close = [this] { close(); };
  seat_.stop = [this] { stop(); };
}

Connection::~Connection() { server_.connections.leave(seat_); }

void Connection::start() {
  Problem ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(Tcp::no_delay(true), ignored);
  if (!server_.connections.enter(seat_)) return close();
  next_request();
}

void Connection::next_request() {
  if (server_.stopping) return close();
  reader_.restart();
  server_.connections.take_file(seat_, false);
  received_ = 0;
  route_ = nullptr;
  response_ = {};
  complete_ = false;
  enter(Seat::Phase::idle, server_.config.limits.idle);
  if (in_.empty()) {
    in_.shrink_to_fit();
    return wait_for_bytes();
  }
  enter(Seat::Phase::reading, server_.config.limits.request);
  take_bytes();
}

void Connection::wait_for_bytes() {
  socket_.async_wait(Tcp::socket::wait_read, [self = shared_from_this()](const Problem& problem) {
    if (!problem && self->socket_.is_open()) self->read_bytes();
  });
}

void Connection::read_bytes() {
  std::array<char, kReadAtOnce> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  Problem problem;
  const std::size_t count = socket_.read_some(asio::buffer(bytes), problem);
  if (problem == asio::error::would_block) return wait_for_bytes();
  if (problem) return close();
  if (lingering_) {
    lingered_ += count;
    return lingered_ > kLingerBytes ? close() : wait_for_bytes();
  }
  if (seat_.phase == Seat::Phase::idle) enter(Seat::Phase::reading, server_.config.limits.request);
  in_.append(bytes.data(), count);
  take_bytes();
}

void Connection::take_bytes() {
  for (;;) {
    const auto before = reader_.state();
    const auto state = reader_.read(in_);
    if (state == RequestReader::State::refused) return refuse(reader_.refusal().status, reader_.refusal().text);
    if (before == RequestReader::State::head && state != before && !take_head()) return;
    if (!server_.connections.hold(seat_, in_.capacity() + reader_.size()))
      return refuse(503, "too many requests in progress; try again later");
    if (state == RequestReader::State::done) return handle();
    pace();
    if (state == before || in_.empty()) return wait_for_bytes();
  }
}

void Connection::pace() {
  if (!seat_.takes_file || reader_.request().body.size() - received_ < kPacedBytes) return;
  received_ = reader_.request().body.size();
  enter(Seat::Phase::reading, server_.config.limits.request);
}

bool Connection::take_head() {
  ServerRequest& request = reader_.request();
  request.address = address_;
  const auto refused = [this](int status, const char* text) {
    refuse(status, text);
    return false;
  };
  if (!server_.connections.may_ask(seat_.address, Connections::Clock::now()))
    return refused(429, "too many requests; try again in a second");
  const auto& hosts = server_.config.hosts;
  if (!hosts.empty() && std::ranges::find(hosts, host_of(request.header("host"))) == hosts.end())
    return refused(421, "the header Host names another host than those that are served here");
  const bool whole = reader_.state() == RequestReader::State::done;
  const auto answered = [&](ServerResponse response) {
    keep_alive_ = whole && reader_.keep_alive();
    head_only_ = request.method == "HEAD";
    answer(std::move(response));
    return false;
  };
  ServerResponse refusal;
  route_ = find_route(server_, request, refusal);
  if (!route_) return answered(std::move(refusal));
  if (route_->guard) {
    if (auto response = route_->guard(request)) return answered(std::move(*response));
  }
  if (route_->body == Body::file) {
    server_.connections.take_file(seat_, true);
    reader_.reserve_body();
  }
  if (!whole && reader_.expects_continue() && in_.empty()) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    Problem ignored;
    socket_.write_some(asio::buffer(kContinue), ignored);
  }
  return true;
}

void Connection::refuse(int status, const std::string& text) {
  keep_alive_ = false;
  head_only_ = false;
  release(reader_.request().body);  // which may be a file, and is not read any more
  answer(error_response(server_.config, status, reader_.request().path, text));
}

void Connection::enter(Seat::Phase phase, std::chrono::milliseconds limit) {
  seat_.phase = phase;
  seat_.since = Connections::Clock::now();
  if (phase == Seat::Phase::idle) server_.connections.hold(seat_, in_.capacity());
  deadline_.expires_after(limit);
  deadline_.async_wait([self = weak_from_this()](const Problem& problem) {
    if (problem) return;
    if (const auto connection = self.lock(); connection && connection->socket_.is_open()) connection->timed_out();
  });
}

void Connection::timed_out() {
  // The timer may have been reset after this call was queued.
  if (deadline_.expiry() > asio::steady_timer::clock_type::now()) return;
  if (waiting_) return continue_response();
  if (seat_.phase == Seat::Phase::reading) return refuse(408, "the request did not arrive in time");
  if (seat_.phase != Seat::Phase::busy) close();
}

void Connection::stop() {
  keep_alive_ = false;
  if (waiting_) return continue_response();
  if (seat_.phase == Seat::Phase::idle || seat_.phase == Seat::Phase::reading) close();
}

void Connection::linger() {
  if (server_.stopping) return close();
  // Closing with unread bytes would reset the connection, and the client might never read the response.
  Problem ignored;
  socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  lingering_ = true;
  release(in_);
  enter(Seat::Phase::idle, kLinger);
  wait_for_bytes();
}

void Connection::close() {
  if (!socket_.is_open()) return;
  Problem ignored;
  socket_.close(ignored);
  deadline_.cancel();
  waiting_ = false;
  server_.connections.leave(seat_);
  if (!running_) response_ = {};
}

}  // namespace p2p::http
