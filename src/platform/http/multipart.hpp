#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

/// A parser for form bodies: multipart/form-data (RFC 7578, RFC 2046).
namespace p2p::http {

/// The body is malformed or exceeds a limit. The message says where, in one line of ASCII.
class FormError : public Error {
 public:
  using Error::Error;
};

struct FormPart {
  std::string name;
  std::string_view content;  ///< part of the body
};

struct FormLimits {
  std::size_t parts = 64;
  std::size_t header_bytes = 4096;  ///< of the headers of one part
  std::size_t name_bytes = 64;      ///< of a part's name
};

/// The parts of a form in their order; names may repeat. `content_type` is the header of the request. Stricter than the RFCs, as every
/// client's form: nothing before the first boundary and after the last one, no padding behind a boundary, no boundary within a part, no
/// nested multiparts, no transfer encodings. File names and other headers are validated and dropped. Copies no content. Takes linear time.
/// Throws FormError.
std::vector<FormPart> parse_form(std::string_view content_type, std::string_view body, const FormLimits& limits = {});

}  // namespace p2p::http
