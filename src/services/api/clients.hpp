#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace p2p::api {

/// Authentication of clients by the operator's API keys. Immutable, thread-safe.
class Clients {
 public:
  /// Comma-separated keys; empty: no key is required. Then a key that begins with web- names a
  /// browser, which is a client of its own, and everybody else is one client. Throws UsageError for a key that is too short, has
  /// invalid characters or occurs twice; the message does not contain the key.
  explicit Clients(const Secret& keys);

  bool ask_for_key() const { return !names_.empty(); }
  /// The name of the client with this header `Authorization` (Bearer KEY, or Basic with the key as password); nullopt without a valid key.
  /// A name reveals nothing about its key, and is the same on every machine.
  std::optional<std::string> find(std::string_view authorization) const;

 private:
  std::map<std::string, std::string> names_;  ///< by the key's HMAC, so that the lookup time reveals nothing about the key
};

}  // namespace p2p::api
