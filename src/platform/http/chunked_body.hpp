#pragma once

#include <string>

namespace p2p::http {

/// Incremental parser of a chunked body (RFC 9112, 7.1). Extensions and trailers are validated and dropped. Not thread-safe.
class ChunkedBody {
 public:
  enum class State { reading, done, too_large, wrong };

  /// `most`: limit of the body in bytes; `most_line`: limit of a chunk's size line with extensions, and of all trailers together.
  ChunkedBody(std::size_t most, std::size_t most_line) : most_(most), most_line_(most_line) {}

  /// Consumes from `in` what belongs to the body and appends to `body`. Must not be called again after it has returned a state other than
  /// `reading`.
  State read(std::string& in, std::string& body);

 private:
  enum class Part { size, data, data_end, trailer };
  State read_line(std::string_view line);

  const std::size_t most_;
  const std::size_t most_line_;
  Part part_ = Part::size;
  std::size_t left_ = 0;  ///< bytes left in the chunk
  std::size_t all_ = 0;   ///< bytes of the body, including the rest of the chunk
  std::size_t trailers_ = 0;
};

}  // namespace p2p::http
