#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "platform/http/connections.hpp"
#include "platform/http/request_reader.hpp"

namespace p2p::http {

struct Route {
  std::string method;
  std::string path;
  Handler handler;
  Guard guard;

  bool matches(std::string_view asked) const { return path.size() > 1 && path.ends_with('/') ? asked.starts_with(path) : asked == path; }
};

/// What the connections of a server share. Of the loop's thread, but for `handlers`.
struct ServerState {
  explicit ServerState(ServerConfig given)
      : config(std::move(given)), handlers(static_cast<std::size_t>(config.threads)), connections(config.limits) {}

  const ServerConfig config;
  std::vector<Route> routes;
  std::shared_ptr<boost::asio::io_context> loop = std::make_shared<boost::asio::io_context>(1);
  boost::asio::thread_pool handlers;
  Connections connections;
  bool stopping = false;
};

/// One connection: reads a request, has it answered, sends the answer, and begins again. Its functions run on the loop's thread; it lives
/// as long as something is under way for it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerState& server, boost::asio::ip::tcp::socket socket, const std::string& address);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Takes its place among the server's connections, or closes.
  void start();

 private:
  // --- connection.cpp: reading
  void next_request();
  void wait_for_bytes();
  void read_bytes();
  void take_bytes();
  /// The head is there; false: it is refused.
  bool take_head();
  void refuse(int status, const std::string& text);

  // --- connection_answer.cpp: answering
  void handle();
  void answer(ServerResponse response);
  void begin_stream();
  /// Has `later` or `stream` called in the pool.
  void ask_again();
  void wait();
  void woken();
  std::function<void()> make_wake();
  void watch_for_end();
  void take_piece(std::string piece, bool goes_on);
  void send(std::string bytes);
  void send_more();
  void sent();

  // --- connection.cpp: ending
  void enter(Seat::Phase phase, std::chrono::milliseconds limit);
  void timed_out();
  /// The server stops: closes where no request is under way; wakes what waits.
  void stop();
  void linger();
  void close();

  ServerState& server_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  Seat seat_;
  const std::string address_;
  RequestReader reader_;
  std::string in_;

  const Route* route_ = nullptr;
  ServerResponse response_;  ///< that is being made or sent
  std::string out_;
  std::size_t sent_ = 0;           ///< of out_
  std::size_t sent_at_limit_ = 0;  ///< of out_, when the time limit began
  bool head_only_ = false;
  bool keep_alive_ = false;
  bool chunked_ = false;
  bool running_ = false;   ///< a handler, `later` or `stream`
  bool waiting_ = false;   ///< for wake() or the pause
  bool woken_ = false;     ///< while it was running
  bool complete_ = false;  ///< out_ is the last of the answer
  bool watching_ = false;  ///< for the end of the connection
  bool lingering_ = false;
  std::size_t lingered_ = 0;
};

/// The route that answers the request; nullptr: `refusal` says why there is none.
const Route* find_route(const ServerState& server, const ServerRequest& request, ServerResponse& refusal);

/// An error that the server itself found.
ServerResponse error_response(const ServerConfig& config, int status, const std::string& path, const std::string& text);

/// A response's status line and headers. `length`: of the body; unset: chunked, or until the end of the connection where not `chunked`.
/// Throws Error for a header that holds a line's end.
std::string head_of(const ServerResponse& response, std::optional<std::uint64_t> length, bool chunked, bool keep_alive);

}  // namespace p2p::http
