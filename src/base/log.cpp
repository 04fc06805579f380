#include "base/log.hpp"

#include <unistd.h>

#include <array>
#include <atomic>

#include "base/clock.hpp"
#include "base/printable.hpp"

namespace p2p::log {
namespace {

std::atomic<Level> least_level{Level::info};
std::atomic<Format> line_format{Format::text};

constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};

std::string as_json(std::string_view time, std::string_view level, std::string_view message, const Json& fields) {
  nlohmann::ordered_json line{{"time", time}, {"level", level}, {"message", message}};
  for (const auto& [name, value] : fields.items()) {
    if (!value.is_null()) line[name] = value;
  }
  return printable(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + '\n';
}

std::string as_text(std::string_view time, std::string_view level, std::string_view message, const Json& fields) {
  std::string line = std::string(time) + ' ' + std::string(level) + std::string(6 - level.size(), ' ');
  for (const char c : message) line += c == '\n' || c == '\t' ? ' ' : c;
  for (const auto& [name, value] : fields.items()) {
    if (!value.is_null()) line += ' ' + name + '=' + json_line(value);
  }
  return printable(line) + '\n';
}

}  // namespace

void configure(Level least, Format format) {
  least_level = least;
  line_format = format;
}

void write(Level level, std::string_view message, const Json& fields) {
  if (level < least_level.load()) return;
  const auto make = line_format.load() == Format::json ? as_json : as_text;
  const std::string line = make(to_text(now()), kLevels[static_cast<std::size_t>(level)], message, fields);
  // One write per line keeps the lines of several threads apart. Errors are ignored: there is no other place to report them.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace p2p::log
