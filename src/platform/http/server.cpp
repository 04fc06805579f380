#include "platform/http/server.hpp"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <thread>

#include "base/log.hpp"
#include "platform/http/connection.hpp"

namespace p2p::http {
namespace {

namespace asio = boost::asio;
using Problem = boost::system::error_code;
using Tcp = asio::ip::tcp;

// In a container kernel buffers count as memory of the process, so socket buffers are kept small.
constexpr int kSocketBuffer = 64 << 10;
constexpr std::chrono::milliseconds kAcceptAgain{50};
constexpr std::chrono::seconds kLogAgain{10};
constexpr std::chrono::milliseconds kStopStep{10};

Tcp::endpoint read_address(const std::string& listen, const std::string& setting) {
  const std::size_t colon = listen.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const char* const end = listen.data() + listen.size();
    const auto [stop, problem] = std::from_chars(listen.data() + colon + 1, end, port);
    if (problem != std::errc() || stop != end) port = -1;
  }
  if (port < 0 || port > 65535) throw UsageError(setting + " is '" + listen + "'; it takes host:port, such as 127.0.0.1:8080");
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "0.0.0.0";
  asio::io_context context;
  Problem problem;
  const auto found = Tcp::resolver(context).resolve(host, std::to_string(port), Tcp::resolver::passive, problem);
  if (problem || found.empty()) throw UsageError(setting + " is '" + listen + "': there is no host " + host);
  return found.begin()->endpoint();
}

std::string why_not(const Problem& problem, int port) {
  if (problem == asio::error::address_in_use)
    return "another process listens there; `ss -ltnp 'sport = :" + std::to_string(port) + "'` shows which";
  if (problem == asio::error::access_denied) return "ports below 1024 need privileges that this user does not have";
  return problem.message();
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(ServerConfig config) : state_(std::move(config)), acceptor_(*state_.loop), again_(*state_.loop) {}
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void route(std::string_view method, std::string_view path, Handler handler, Guard guard, Body body) {
    state_.routes.push_back({std::string(method), std::string(path), std::move(handler), std::move(guard), body});
  }

  void start() {
    const Tcp::endpoint endpoint = read_address(state_.config.listen, state_.config.setting);
    try {
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(Tcp::acceptor::reuse_address(true));  // connections of a previous process may still be closing
      acceptor_.set_option(asio::socket_base::receive_buffer_size(kSocketBuffer));
      acceptor_.set_option(asio::socket_base::send_buffer_size(kSocketBuffer));
      acceptor_.bind(endpoint);
      acceptor_.listen();
      port_ = acceptor_.local_endpoint().port();
    } catch (const boost::system::system_error& error) {
      throw UsageError("cannot listen on " + state_.config.listen + " (" + state_.config.setting +
                       "): " + why_not(error.code(), endpoint.port()));
    }
    accept();
    thread_ = std::thread([this] { run(); });
  }

  void stop() {
    if (thread_.joinable()) {
      asio::post(*state_.loop, [this] { begin_stop(); });
      thread_.join();
    }
    state_.handlers.join();
  }

  int port() const { return port_; }

 private:
  void run() {
    for (;;) {
      try {
        state_.loop->run();
        return;
      } catch (const std::exception& error) {
        log::error("error in the HTTP server", {{"error", error.what()}});
      }
    }
  }

  void accept() {
    acceptor_.async_accept([this](const Problem& problem, Tcp::socket socket) {
      if (state_.stopping) return;
      if (problem) return accept_later(problem);
      Problem gone;
      const auto other_end = socket.remote_endpoint(gone);
      if (!gone) std::make_shared<Connection>(state_, std::move(socket), other_end.address().to_string())->start();
      accept();
    });
  }

  /// Errors of accept() are temporary: descriptors and memory become available again.
  void accept_later(const Problem& problem) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= log_from_) log::error("a connection could not be accepted; trying again", {{"error", problem.message()}});
    log_from_ = now + kLogAgain;
    state_.connections.close_one();
    again_.expires_after(kAcceptAgain);
    again_.async_wait([this](const Problem& cancelled) {
      if (!cancelled) accept();
    });
  }

  void begin_stop() {
    state_.stopping = true;
    Problem ignored;
    acceptor_.close(ignored);
    const auto seats = state_.connections.seats();
    for (Seat* const seat : seats) seat->stop();
    end_stop(std::chrono::steady_clock::now() + state_.config.limits.stop_within);
  }

  void end_stop(std::chrono::steady_clock::time_point deadline) {
    if (state_.connections.seats().empty()) return work_.reset();
    if (std::chrono::steady_clock::now() > deadline) {
      const auto seats = state_.connections.seats();
      for (Seat* const seat : seats) {
        if (seat->phase == Seat::Phase::sending) seat->close();
      }
    }
    again_.expires_after(kStopStep);
    again_.async_wait([this, deadline](const Problem&) { end_stop(deadline); });
  }

  ServerState state_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(*state_.loop);
  Tcp::acceptor acceptor_;
  asio::steady_timer again_;
  std::chrono::steady_clock::time_point log_from_;
  int port_ = 0;
  std::thread thread_;
};

Server::Server(ServerConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}
Server::~Server() = default;
void Server::route(std::string_view method, std::string_view path, Handler handler, Guard guard, Body body) {
  impl_->route(method, path, std::move(handler), std::move(guard), body);
}
void Server::start() { impl_->start(); }
void Server::stop() { impl_->stop(); }
int Server::port() const { return impl_->port(); }

namespace {

std::string_view value_of(const HeaderList& list, std::string_view name) {
  const auto found = std::ranges::find(list, name, &HeaderList::value_type::first);
  return found == list.end() ? std::string_view{} : found->second;
}

}  // namespace

std::string_view ServerRequest::header(std::string_view name) const { return value_of(headers, name); }
std::string_view ServerRequest::query_value(std::string_view name) const { return value_of(query, name); }

}  // namespace p2p::http
