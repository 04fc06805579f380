#pragma once

#include <sys/socket.h>

#include <string>

namespace p2p::http {

/// Whether an IP address is public: not loopback, private, link-local, shared, multicast or unspecified, also when embedded in an IPv6
/// address. False for other kinds of address.
bool is_public_address(const sockaddr& address);

/// The same for text such as "8.8.8.8" or "2001:4860:4860::8888"; false if it is not an address.
bool is_public_address(const std::string& address);

}  // namespace p2p::http
