#pragma once

#include <optional>
#include <string>

namespace p2p::http {

/// The address that a Location header leads to from `url`; nothing where it must not be followed: another scheme than http and https, https
/// left for http, a user's name in it, no address at all.
std::optional<std::string> redirect_target(const std::string& url, const std::string& location);

/// Whether both have the same scheme, host and port: who may see what is secret from the other.
bool same_origin(const std::string& a, const std::string& b);

}  // namespace p2p::http
