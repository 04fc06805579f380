#include "platform/http/server.hpp"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/log.hpp"

namespace p2p::http {
namespace {

struct Route {
  std::string method;
  std::string path;
  Handler handler;

  bool matches(std::string_view asked) const { return path.size() > 1 && path.ends_with('/') ? asked.starts_with(path) : asked == path; }
};

std::string_view value_of(const HeaderList& list, std::string_view name) {
  const auto found = std::ranges::find(list, name, &HeaderList::value_type::first);
  return found == list.end() ? std::string_view{} : found->second;
}

ServerRequest read(const httplib::Request& request, std::string body) {
  ServerRequest result{.method = request.method, .path = request.path, .query = {}, .body = std::move(body)};
  for (const auto& [name, value] : request.params) result.query.emplace_back(name, value);
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    result.headers.emplace_back(std::move(lower), value);
  }
  return result;
}

struct Address {
  std::string host;
  int port = 0;
};

Address parse_address(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  Address address;
  if (colon != std::string::npos) {
    address.host = listen.substr(0, colon);
    const char* const end = listen.data() + listen.size();
    const auto [stop, problem] = std::from_chars(listen.data() + colon + 1, end, address.port);
    if (address.host.starts_with('[') && address.host.ends_with(']')) address.host = address.host.substr(1, address.host.size() - 2);
    if (address.host.empty()) address.host = "0.0.0.0";
    if (problem == std::errc() && stop == end && address.port >= 0 && address.port <= 65535) return address;
  }
  throw UsageError("P2P_HTTP_LISTEN is '" + listen + "'; it takes host:port, such as 127.0.0.1:8080");
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(ServerConfig config) : config_(std::move(config)) {
    server_.set_tcp_nodelay(true);
    server_.set_payload_max_length(config_.max_body);
    server_.set_keep_alive_max_count(1000);
    server_.set_read_timeout(10);
    server_.set_write_timeout(10);
    server_.new_task_queue = [threads = config_.threads] { return new httplib::ThreadPool(static_cast<std::size_t>(threads)); };
    // One handler for everything: httplib's own routing matches regular expressions.
    server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      if (request.method == "GET" || request.method == "HEAD" || request.method == "DELETE") {
        answer(request, "", response);
        return httplib::Server::HandlerResponse::Handled;
      }
      return httplib::Server::HandlerResponse::Unhandled;  // its body is read first
    });
    // httplib's own limit holds for Content-Length alone, neither for chunks nor for what is compressed. All is read, so that the
    // connection's next request begins where it should, but only so much is kept.
    const auto with_body = [this](const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& read_all) {
      std::string body;
      std::size_t size = 0;
      const auto keep = [&](const char* bytes, std::size_t count) {
        size += count;
        size <= config_.max_body ? body.append(bytes, count) : body.erase();
        return true;
      };
      const bool whole = request.is_multipart_form_data() ? read_all([](const auto&) { return true; }, keep) : read_all(keep);
      if (whole && size <= config_.max_body) return answer(request, std::move(body), response);
      if (whole) response.status = 413;  // else httplib has said what is wrong
    };
    server_.Post(".*", with_body);
    server_.Put(".*", with_body);
  }

  ~Impl() { stop(); }

  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void route(std::string_view method, std::string_view path, Handler handler) {
    routes_.push_back({std::string(method), std::string(path), std::move(handler)});
  }

  void start() {
    const Address address = parse_address(config_.listen);
    if (address.port == 0) {
      port_ = server_.bind_to_any_port(address.host);
    } else if (server_.bind_to_port(address.host, address.port)) {
      port_ = address.port;
    }
    if (port_ <= 0)
      throw UsageError("cannot listen on " + config_.listen +
                       ": the port is taken or the address is not this machine's; set P2P_HTTP_LISTEN");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }

  int port() const { return port_; }

 private:
  void answer(const httplib::Request& request, std::string body, httplib::Response& response) const {
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    const bool known = std::ranges::any_of(routes_, [&](const Route& route) { return route.matches(request.path); });
    const auto route =
        std::ranges::find_if(routes_, [&](const Route& each) { return each.method == method && each.matches(request.path); });
    ServerResponse result{.status = known ? 405 : 404, .body = known ? "method not allowed\n" : "not found\n"};
    if (route != routes_.end()) {
      try {
        result = route->handler(read(request, std::move(body)));
      } catch (const std::exception& error) {
        log::error("a request to the HTTP server failed", {{"path", route->path}, {"error", error.what()}});
        result = {.status = 500, .body = "internal error\n"};
      }
    }
    response.status = result.status;
    for (const auto& [name, value] : result.headers) response.set_header(name, value);
    response.set_header("X-Content-Type-Options", "nosniff");
    if (!result.stream) return response.set_content(result.body, result.content_type);
    response.set_chunked_content_provider(result.content_type, [stream = result.stream](std::size_t, httplib::DataSink& sink) {
      std::string piece;
      const bool goes_on = stream(piece);
      if (!piece.empty() && !sink.write(piece.data(), piece.size())) return false;
      if (!goes_on) sink.done();
      return true;
    });
  }

  ServerConfig config_;
  httplib::Server server_;
  std::vector<Route> routes_;
  int port_ = 0;
  std::thread thread_;
};

Server::Server(ServerConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}
Server::~Server() = default;
void Server::route(std::string_view method, std::string_view path, Handler handler) { impl_->route(method, path, std::move(handler)); }
void Server::start() { impl_->start(); }
void Server::stop() { impl_->stop(); }
int Server::port() const { return impl_->port(); }

std::string_view ServerRequest::header(std::string_view name) const { return value_of(headers, name); }
std::string_view ServerRequest::query_value(std::string_view name) const { return value_of(query, name); }

}  // namespace p2p::http
