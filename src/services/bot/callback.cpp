#include "services/bot/callback.hpp"

#include <array>

#include "base/random_id.hpp"

namespace p2p::bot {
namespace {

constexpr std::array<std::string_view, 6> kNames{"", "again:", "vary:", "larger:", "cancel:", "link:"};  // by Callback::Kind

}  // namespace

std::string to_data(Callback::Kind kind, std::string_view id) { return std::string(kNames.at(static_cast<std::size_t>(kind))).append(id); }

Callback parse_callback(std::string_view data) {
  using enum Callback::Kind;
  for (const auto kind : {again, variation, larger, cancel, link}) {
    const std::string_view name = kNames.at(static_cast<std::size_t>(kind));
    if (data.starts_with(name) && is_id(data.substr(name.size()))) return {kind, std::string(data.substr(name.size()))};
  }
  return {};
}

}  // namespace p2p::bot
