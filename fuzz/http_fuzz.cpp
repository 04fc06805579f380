// Input: the bytes of a connection. However they are split, the same requests are read and refused, within the limits.

#include <algorithm>

#include "fuzz/check.hpp"
#include "platform/http/request_reader.hpp"

using fuzz::check;
using namespace p2p;

namespace {

const http::ServerLimits kLimits{.header_bytes = 600, .headers = 20, .body_bytes = 300};

/// A line for each request, and one for the refusal.
std::string read_in_pieces(std::string_view bytes, std::size_t step) {
  using State = http::RequestReader::State;
  http::RequestReader reader(kLimits);
  std::string in, summary;
  for (std::size_t from = 0; from < bytes.size(); from += step) {
    in += bytes.substr(from, step);
    for (;;) {
      const State before = reader.state();
      const State state = reader.read(in);
      check(reader.size() <= kLimits.header_bytes + 4 + 2 * kLimits.body_bytes + 64);
      if (state == State::refused) return summary + std::to_string(reader.refusal().status);
      if (state == State::done) {
        const http::ServerRequest& request = reader.request();
        check(request.body.size() <= kLimits.body_bytes && request.headers.size() <= kLimits.headers);
        check(request.path == "*" || request.path.starts_with('/'));
        check(request.path.find('\0') == std::string::npos);
        for (const auto& [name, value] : request.headers) check(!name.empty() && value.find_first_of("\r\n") == std::string::npos);
        summary += request.method + " " + request.path + " " + request.body + " " + (reader.keep_alive() ? "k" : "c") + "\n";
        reader.restart();
      } else if (state == before) {
        break;
      }
      if (in.empty()) break;
    }
    check(in.size() <= kLimits.header_bytes + 3 + step);
  }
  return summary;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const std::string whole = read_in_pieces(bytes, std::max<std::size_t>(bytes.size(), 1));
  for (const std::size_t step : {1u, 3u, 64u}) check(read_in_pieces(bytes, step) == whole);
  return 0;
}
