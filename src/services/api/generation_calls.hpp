#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "platform/http/server.hpp"
#include "services/api/generations_body.hpp"
#include "services/api/pictures.hpp"
#include "services/api/waiting_calls.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"
#include "services/requests/model_catalog.hpp"

namespace p2p::api {

/// How calls wait.
struct WaitRules {
  std::chrono::seconds wait{600};  ///< by default
  std::size_t most = 4000;         ///< calls that may wait at the same time; beyond: 503
  std::size_t most_per_client = 1000;
};

/// The calls that draw: submits a request and waits for its end. Thread-safe.
class GenerationCalls {
 public:
  /// Keeps the references.
  GenerationCalls(requests::Client& requests, const dispatch::Dispatch& dispatch, const requests::ModelCatalog& catalog,
                  const Pictures& pictures, const WaitRules& rules)
      : requests_(requests),
        dispatch_(dispatch),
        catalog_(catalog),
        pictures_(pictures),
        rules_(rules),
        waiting_(rules.most, rules.most_per_client) {}

  /// The client's request; nullopt if there is none.
  std::optional<View> find(const std::string& client, const std::string& id) const;

  /// Makes the response of a request that has ended. Throws ApiError if there is no picture.
  using Finish = std::function<Json(const RequestState& state)>;
  /// Stores the picture that the body begins with, if any, submits the request, and waits as the call's header Prefer says. Throws
  /// ApiError, Refused.
  http::ServerResponse draw(const http::ServerRequest& call, const std::string& client, const GenerationsBody& body, const Finish& finish);

  WaitingCalls& waiting() { return waiting_; }

 private:
  /// Throws ApiError if the model is known to take no pictures.
  void check_takes_pictures(const std::string& model) const;

  requests::Client& requests_;
  const dispatch::Dispatch& dispatch_;
  const requests::ModelCatalog& catalog_;
  const Pictures& pictures_;
  const WaitRules rules_;
  WaitingCalls waiting_;
};

/// Addresses of requests.
inline constexpr std::string_view kRequests = "/v1/requests/";

}  // namespace p2p::api
