#include <iostream>

#include "app/command_line.hpp"
#include "platform/http/client.hpp"

namespace p2p::app {
namespace {

/// The address to call for what `listen` serves: every interface is reached by loopback.
std::string local_address(std::string listen) {
  for (const std::string_view any : {"0.0.0.0:", "[::]:", ":"}) {
    if (listen.starts_with(any)) return "127.0.0.1:" + listen.substr(any.size());
  }
  return listen;
}

}  // namespace

int run_health(const Arguments& arguments) {
  CLI::App app("Ends with 0 if the service on this machine lives: if /livez of http_listen answers.", "prompt2pic health");
  const SettingFlags flags(app, {"http_listen"});
  if (!parse(app, arguments)) return 0;
  const std::string address = local_address(flags.load().config.http_listen);
  http::Client client({.connect_timeout = std::chrono::seconds(2)});
  const http::HttpResponse response = client.send({.url = Secret("http://" + address + "/livez"), .timeout = std::chrono::seconds(4)});
  if (response.status != 200) throw Error("/livez of " + address + " answered " + std::to_string(response.status));
  std::cout << "alive\n";
  return 0;
}

}  // namespace p2p::app
