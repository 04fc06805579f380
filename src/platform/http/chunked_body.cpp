#include "platform/http/chunked_body.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace p2p::http {
namespace {

constexpr std::size_t kMostDigits = 8;

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return (c >= ' ' && c != 0x7f) || c == '\t'; });
}

}  // namespace

ChunkedBody::State ChunkedBody::read(std::string& in, std::string& body) {
  std::size_t at = 0;
  State state = State::reading;
  while (state == State::reading) {
    if (part_ == Part::data) {
      const std::size_t count = std::min(left_, in.size() - at);
      body.append(in, at, count);
      at += count;
      left_ -= count;
      if (left_ > 0) break;
      part_ = Part::data_end;
      continue;
    }
    const std::size_t end = in.find('\n', at);
    if (std::min(end, in.size()) - at > most_line_) {
      state = State::wrong;
    } else if (end == std::string::npos) {
      break;
    } else if (end == at || in[end - 1] != '\r') {
      state = State::wrong;
    } else {
      state = read_line(std::string_view(in).substr(at, end - 1 - at));
      at = end + 1;
    }
  }
  in.erase(0, at);
  return state;
}

ChunkedBody::State ChunkedBody::read_line(std::string_view line) {
  if (!is_plain(line)) return State::wrong;
  if (part_ == Part::data_end) {
    part_ = Part::size;
    return line.empty() ? State::reading : State::wrong;
  }
  if (part_ == Part::trailer) {
    trailers_ += line.size();
    if (line.empty()) return State::done;
    const std::size_t colon = line.find_first_of(": \t");
    return trailers_ <= most_line_ && colon > 0 && colon < line.size() && line[colon] == ':' ? State::reading : State::wrong;
  }
  const auto [stop, problem] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  const auto digits = static_cast<std::size_t>(stop - line.data());
  const std::string_view rest = line.substr(digits);
  const std::size_t extension = std::min(rest.find_first_not_of(" \t"), rest.size());
  if (problem == std::errc::invalid_argument || line.starts_with('-') || (extension < rest.size() && rest[extension] != ';') ||
      (extension == rest.size() && !rest.empty()))
    return State::wrong;
  if (problem != std::errc() || digits > kMostDigits || left_ > most_ - all_) return State::too_large;
  all_ += left_;
  part_ = left_ > 0 ? Part::data : Part::trailer;
  return State::reading;
}

}  // namespace p2p::http
