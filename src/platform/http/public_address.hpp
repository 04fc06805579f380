#pragma once

#include <sys/socket.h>

#include <string>

namespace p2p::http {

/// Whether an IP address is reached from anywhere: no loopback, private, link-local, shared, multicast or unspecified one, whatever form of
/// IPv6 it is wrapped in. False for another kind of address.
bool is_public_address(const sockaddr& address);

/// The same of "8.8.8.8" or "2001:4860:4860::8888"; false for what is no address.
bool is_public_address(const std::string& address);

}  // namespace p2p::http
