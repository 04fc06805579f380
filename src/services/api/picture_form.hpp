#pragma once

#include <string_view>

#include "services/api/generations_body.hpp"

/// The forms of OpenAI's calls that begin with a picture.
namespace p2p::api {

/// The form of POST /v1/images/edits: `image` (or `image[]`, one picture), `prompt`, and the fields of /v1/images/generations. The result
/// refers to the body. Throws ApiError that names the problems; a `mask` is one.
GenerationsBody read_edit(std::string_view content_type, std::string_view body, const BodyRules& rules);

/// The form of POST /v1/images/variations: the same, but the prompt may be missing, and `strength` is 0.6 by default.
GenerationsBody read_variation_form(std::string_view content_type, std::string_view body, const BodyRules& rules);

}  // namespace p2p::api
