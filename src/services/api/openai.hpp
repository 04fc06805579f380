#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "services/dispatch/dispatcher.hpp"
#include "services/requests/refused.hpp"
#include "services/requests/state.hpp"

/// The formats of OpenAI's images API (platform.openai.com/docs/api-reference/images) and of our extensions.
namespace p2p::api {

using requests::RequestState;

/// A request as shown to its client.
struct View {
  RequestState state;
  dispatch::Estimate estimate;  ///< only for requests that have not ended
};

/// An error response: HTTP status and the `error` of the body.
class ApiError : public Error {
 public:
  ApiError(int status, std::string code, Sentence message)
      : Error(message.text), status_(status), code_(std::move(code)), message_(std::move(message)) {}
  int status() const { return status_; }
  const std::string& code() const { return code_; }
  Json json() const;
  /// Marks the error as final: the request has failed, or continues without this call, so a retry would create another request. OpenAI's
  /// clients respect this.
  ApiError&& final() && { return is_final_ = true, std::move(*this); }
  bool is_final() const { return is_final_; }
  /// Sets the address of the request.
  ApiError&& at(std::string location) && { return location_ = std::move(location), std::move(*this); }
  const std::string& location() const { return location_; }

 private:
  int status_;
  std::string code_;
  Sentence message_;
  bool is_final_ = false;
  std::string location_;
};

/// 404: the client has no such request.
ApiError no_such_request();
/// Converts a refusal to an error of the API.
ApiError to_error(const requests::Refused& refused);

enum class Format { url, b64_json };
/// Throws ApiError for words other than url and b64_json; empty: url.
Format format_from(std::string_view word);

/// Formats picture `n` (from 1) for `data`.
using ImageJson = std::function<Json(const RequestState& state, int n)>;

/// Adds notices to those in the JSON, and to their translations.
Json with_notices(Json json, const std::vector<Sentence>& notices);
/// {created, id, data: [...], output_format}: the response to a call that waited. Throws ApiError if there is no picture.
Json images_json(const RequestState& state, const ImageJson& image);
/// What a model draws and supports: the fields of messages::Model but for the envelope.
Json card_json(const messages::Model& model);
/// {id, status, ...}: the state of a request, with `data` and `output_format` once it is finished.
Json status_json(const View& view, const ImageJson& image);

}  // namespace p2p::api
