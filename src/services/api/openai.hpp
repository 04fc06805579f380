#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "services/dispatch/dispatcher.hpp"
#include "services/requests/refused.hpp"
#include "services/requests/state.hpp"

/// The words of OpenAI's images API (platform.openai.com/docs/api-reference/images), and of ours around them.
namespace p2p::api {

using requests::RequestState;

/// A request as somebody looks at it.
struct View {
  RequestState state;
  dispatch::Estimate estimate;  ///< of one that is not over
};

/// A call that is refused: an HTTP status, and what stands in the answer's `error`.
class ApiError : public Error {
 public:
  ApiError(int status, std::string code, const std::string& message) : Error(message), status_(status), code_(std::move(code)) {}
  int status() const { return status_; }
  const std::string& code() const { return code_; }
  Json json() const;
  /// The request has ended so, or goes on without the caller: sending it again would have another drawn. OpenAI's clients obey.
  ApiError&& final() && { return is_final_ = true, std::move(*this); }
  bool is_final() const { return is_final_; }
  /// Where the request is told of.
  ApiError&& at(std::string location) && { return location_ = std::move(location), std::move(*this); }
  const std::string& location() const { return location_; }

 private:
  int status_;
  std::string code_;
  bool is_final_ = false;
  std::string location_;
};

/// What requests say of a request that they do not accept, in the API's words.
ApiError to_error(const requests::Refused& refused);

enum class Format { url, b64_json };
/// Throws ApiError for another word than url and b64_json; empty: url.
Format format_from(std::string_view word);

/// The body of POST /v1/images/generations.
struct GenerationsBody {
  messages::Request request;  ///< without id and time
  Format format = Format::url;
};
/// Throws ApiError that names all that is wrong. What OpenAI has and a drawing has not (quality, style, user, moderation) is passed over;
/// seed, negative_prompt, steps, guidance, decoder_steps and decoder_guidance are ours; other fields are refused.
GenerationsBody read_generations_body(std::string_view body, const std::string& default_model);

/// One picture as its place in `data`; `n` from 1.
using ImageJson = std::function<Json(const RequestState& state, int n)>;

/// {created, id, data: [...]}: the answer to the one who waited. Throws ApiError if there is no picture.
Json images_json(const RequestState& state, const ImageJson& image);
/// {id, status, ...}: how a request stands, with `data` once it is finished.
Json status_json(const View& view, const ImageJson& image);

}  // namespace p2p::api
