#pragma once

#include <string_view>

namespace p2p {

/// The services that run on their own.
enum class Service { bot, api, worker };

/// Whether the service reads the setting of that name. Every setting is read by one of them, by `generate` or by `pull`.
bool uses_setting(Service service, std::string_view setting);

}  // namespace p2p
