#pragma once

#include <optional>
#include <string>

namespace p2p::http {

/// The target of a Location header, relative to `url`; nullopt if it must not be followed: a scheme other than http and https, a downgrade
/// from https to http, a user name, an invalid URL.
std::optional<std::string> redirect_target(const std::string& url, const std::string& location);

/// Whether both have the same scheme, host and port, so that credentials of one may be sent to the other.
bool same_origin(const std::string& a, const std::string& b);

}  // namespace p2p::http
