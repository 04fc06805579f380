#include "services/chat/presenter/buttons.hpp"

#include <array>

#include "base/random_id.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::chat {
namespace {

using enum Callback::Kind;
using enum Text;
namespace offer = messages::offer;

// By Callback::Kind.
constexpr std::array<ButtonKind, 5> kKinds{{
    {again, "again:", "🔄 ", button_again, true, again_accepted, ""},
    {variation, "vary:", "🎲 ", button_variation, true, variation_accepted, offer::kVariation},
    {larger, "larger:", "🔍 ", button_larger, true, larger_accepted, offer::kLarger},
    {cancel, "cancel:", "✖ ", button_cancel, false, cancelling, ""},
    {link, "link:", "🔗 ", button_new_link, false, {}, ""},
}};

}  // namespace

const ButtonKind& button_kind(Callback::Kind kind) { return kKinds.at(static_cast<std::size_t>(kind) - 1); }

std::string to_data(Callback::Kind kind, std::string_view id) { return std::string(button_kind(kind).data).append(id); }

Callback parse_callback(std::string_view data) {
  for (const ButtonKind& each : kKinds) {
    if (data.starts_with(each.data) && is_id(data.substr(each.data.size()))) return {each.kind, std::string(data.substr(each.data.size()))};
  }
  return {};
}

}  // namespace p2p::chat
