#pragma once

#include <string>

namespace p2p::http {

/// Reads a body in chunks (RFC 9112, 7.1) from bytes as they come. Extensions and trailers are checked and passed over. Not thread-safe.
class ChunkedBody {
 public:
  enum class State { reading, done, too_large, wrong };

  /// `most`: bytes of the body; `most_line`: of a chunk's size with its extensions, and of all trailers together.
  ChunkedBody(std::size_t most, std::size_t most_line) : most_(most), most_line_(most_line) {}

  /// Takes from `in` what belongs to the body; `body` grows. Not to be called again once it gave another state than `reading`.
  State read(std::string& in, std::string& body);

 private:
  enum class Part { size, data, data_end, trailer };
  State read_line(std::string_view line);

  const std::size_t most_;
  const std::size_t most_line_;
  Part part_ = Part::size;
  std::size_t left_ = 0;  ///< of the chunk
  std::size_t all_ = 0;   ///< bytes of the body, with those that the chunk is still to bring
  std::size_t trailers_ = 0;
};

}  // namespace p2p::http
