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
  Body body = Body::small;

  bool matches(std::string_view asked) const { return path.size() > 1 && path.ends_with('/') ? asked.starts_with(path) : asked == path; }
};

/// State shared by the connections of a server. Used only by the event loop's thread, except `handlers`.
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

/// One connection: reads a request, runs its handler, sends the response, and repeats. Its functions run on the event loop's thread.
/// Pending operations own it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerState& server, boost::asio::ip::tcp::socket socket, const std::string& address);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Registers with the server's connections, or closes if there is no room.
  void start();

 private:
  // --- connection.cpp: reading
  void next_request();
  void wait_for_bytes();
  void read_bytes();
  void take_bytes();
  /// Handles a complete head; false if it is refused.
  bool take_head();
  void refuse(int status, const std::string& text);
  /// The time limit starts again with each MiB of a file.
  void pace();

  // --- connection_answer.cpp: answering
  void handle();
  void answer(ServerResponse response);
  void begin_stream();
  /// Calls `later` or `stream` in the thread pool.
  void continue_response();
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
  /// The server stops: closes the connection if it has no request, otherwise wakes the handler.
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
  std::size_t received_ = 0;  ///< bytes of the body when the current time limit began

  const Route* route_ = nullptr;
  ServerResponse response_;  ///< being produced or sent
  std::string out_;
  std::size_t sent_ = 0;           ///< bytes of out_
  std::size_t sent_at_limit_ = 0;  ///< bytes of out_ when the current time limit began
  bool head_only_ = false;
  bool keep_alive_ = false;
  bool chunked_ = false;
  bool running_ = false;   ///< a handler, `later` or `stream` is running
  bool waiting_ = false;   ///< waits for wake() or the pause
  bool woken_ = false;     ///< wake() came while it was running
  bool complete_ = false;  ///< out_ has the end of the response
  bool watching_ = false;  ///< watches for the end of the connection
  bool lingering_ = false;
  std::size_t lingered_ = 0;
};

/// The route for the request; nullptr if there is none, with the error in `refusal`.
const Route* find_route(const ServerState& server, const ServerRequest& request, ServerResponse& refusal);

/// Whether the request's route takes files.
bool takes_file(const ServerState& server, const ServerRequest& request);

/// An error response of the server itself.
ServerResponse error_response(const ServerConfig& config, int status, const std::string& path, const std::string& text);

/// The status line and headers of a response. `length`: of the body; unset: chunked, or until the end of the connection if not `chunked`.
/// Throws Error for a header that contains a line end.
std::string head_of(const ServerResponse& response, std::optional<std::uint64_t> length, bool chunked, bool keep_alive);

}  // namespace p2p::http
