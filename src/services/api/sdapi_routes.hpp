#pragma once

#include <map>
#include <mutex>
#include <string>

#include "services/api/generation_calls.hpp"
#include "services/api/pictures.hpp"
#include "services/api/route_table.hpp"
#include "services/requests/model_catalog.hpp"

namespace p2p::api {

/// The part of the API of AUTOMATIC1111's web UI that its clients draw with: /sdapi/v1/txt2img, img2img, options, sd-models, samplers,
/// progress, interrupt. Thread-safe.
class SdapiRoutes {
 public:
  /// Adds the routes. Keeps the references.
  SdapiRoutes(const RouteTable& table, GenerationCalls& calls, requests::Client& requests, const dispatch::Dispatch& dispatch,
              const requests::ModelCatalog& catalog, const Pictures& pictures, const BodyRules& rules);

 private:
  using Request = http::ServerRequest;
  using Response = http::ServerResponse;

  Response draw(const Request& request, const std::string& client);
  Response draw_from_picture(const Request& request, const std::string& client);
  Response draw(const Request& request, const std::string& client, const GenerationsBody& body);
  Response set_options(const Request& request, const std::string& client);
  Response interrupt(const Request& request, const std::string& client);
  /// The model that the client has chosen with its options, or the default.
  std::string model_of(const std::string& client) const;
  BodyRules rules_of(const std::string& client) const;
  std::vector<std::string> samplers_of(const std::string& model) const;

  GenerationCalls& calls_;
  requests::Client& requests_;
  const dispatch::Dispatch& dispatch_;
  const requests::ModelCatalog& catalog_;
  const Pictures& pictures_;
  const BodyRules& rules_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> models_;  ///< by client: chosen by options
};

}  // namespace p2p::api
