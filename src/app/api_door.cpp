#include "app/api_door.hpp"

#include <algorithm>
#include <array>

#include "app/webhook.hpp"
#include "base/text.hpp"
#include "services/api/page.hpp"

namespace p2p::app {
namespace {

/// Protects an API without keys from DNS rebinding: pages of other sites whose names resolve to loopback.
std::vector<std::string> hosts(const AppConfig& config) {
  if (!config.api_keys.empty()) return {};
  std::vector<std::string> hosts{"localhost", "127.0.0.1", "[::1]"};
  if (const std::size_t scheme = config.public_url.find("://"); scheme != std::string::npos) {
    const std::string rest = config.public_url.substr(scheme + 3);
    hosts.push_back(to_lower(rest.substr(0, rest.find_first_of(":/"))));
  }
  return hosts;
}

api::RoutesConfig routes_config(const AppConfig& config, const std::string& model, const Secret& links, bool cross_origin) {
  return {.body = {.model = model, .aliases = api::parse_aliases(config.model_aliases), .strict = config.api_strict},
          .link_ttl = config.link_ttl,
          .public_url = config.public_url,
          .link_key = links,
          .waiting = {.wait = config.api_wait},
          .cross_origin = cross_origin};
}

}  // namespace

void check_reach(const AppConfig& config) {
  constexpr std::array<std::string_view, 3> kLoopback{"127.", "localhost:", "[::1]:"};
  const auto begins = [&](std::string_view host) { return config.http_listen.starts_with(host); };
  if (config.api_keys.empty() && !config.http_listen.empty() && std::ranges::none_of(kLoopback, begins))
    throw UsageError("P2P_API_KEYS is not set, so P2P_HTTP_LISTEN has to be on loopback, such as 127.0.0.1:8080, and is " +
                     config.http_listen + "; set P2P_API_KEYS to the keys that callers show (P2P_API_KEYS_FILE: a file that holds them)");
}

http::ServerConfig api_server(const AppConfig& config) {
  constexpr int kThreads = 8;  // limits the pictures that are read from the store at once
  return {.threads = kThreads, .hosts = hosts(config), .error = api::error_answer};
}

ApiDoor::ApiDoor(ServiceProcess& process, Door& door, blob::BlobStore& store, const AppConfig& config, const std::string& model)
    : clients_(config.api_keys),
      links_(link_key(config)),
      routes_(process.http(), door.requests, door.dispatch, door.models, clients_, store, process.metrics(),
              routes_config(config, model, links_, clients_.ask_for_key())) {
  serve_pictures(process.http(), store, links_);
  api::serve_documents(process.http());
  if (config.api_page) api::serve_page(process.http());
}

}  // namespace p2p::app
