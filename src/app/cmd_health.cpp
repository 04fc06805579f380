#include <iostream>

#include "app/command_line.hpp"
#include "app/service_process.hpp"
#include "platform/http/client.hpp"

namespace p2p::app {
namespace {

/// The address to call for a `listen` address: loopback for all interfaces.
std::string local_address(std::string listen) {
  for (const std::string_view any : {"0.0.0.0:", "[::]:", ":"}) {
    if (listen.starts_with(any)) return "127.0.0.1:" + listen.substr(any.size());
  }
  return listen;
}

/// Possible addresses of the service: the configured one, or the defaults of the services.
std::vector<std::string> addresses(const AppConfig& config, const std::string& service) {
  for (const std::string& set : {config.health_listen, config.http_listen}) {
    if (!set.empty()) return {local_address(set)};
  }
  std::vector<std::string> all;
  for (const auto& [name, ports] : {std::pair{"api", kApiPorts}, std::pair{"bot", kBotPorts}, std::pair{"worker", kWorkerPorts}}) {
    if (service.empty() || service == name) all.push_back("127.0.0.1:" + std::to_string(ports.health));
  }
  return all;
}

}  // namespace

int run_health(const Arguments& arguments) {
  CLI::App app("Exits with 0 if a service on this machine is alive, that is, if /livez of health_listen answers.", "prompt2pic health");
  std::string service;
  app.add_option("SERVICE", service, "api, bot or worker; default: any of them")->check(CLI::IsMember({"api", "bot", "worker"}));
  const SettingFlags flags(app, {"health_listen", "http_listen"});
  if (!parse(app, arguments)) return 0;
  http::Client client({.connect_timeout = std::chrono::seconds(2)});
  std::string problem;
  for (const std::string& address : addresses(flags.load().config, service)) {
    try {
      const http::HttpResponse response = client.send({.url = Secret("http://" + address + "/livez"), .timeout = std::chrono::seconds(4)});
      if (response.status == 200) {
        std::cout << "alive\n";
        return 0;
      }
      problem = "/livez of " + address + " answered " + std::to_string(response.status);
    } catch (const http::HttpError& error) {
      problem = error.what();
    }
  }
  throw Error(problem + "; set P2P_HEALTH_LISTEN as the service has it");
}

}  // namespace p2p::app
