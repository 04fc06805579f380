#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace p2p::api {

/// Who may call: whoever shows one of the operator's keys. Immutable.
class Clients {
 public:
  /// Keys with commas between; empty: no key is asked for, and everybody is one client. Throws UsageError for a key that is short, odd or
  /// given twice, without showing it.
  explicit Clients(const Secret& keys);

  bool ask_for_key() const { return !names_.empty(); }
  /// The name of the client that sent this header `Authorization`; nothing if it shows no key that is known. A name tells nothing of its
  /// key, and is the same on every machine.
  std::optional<std::string> find(std::string_view authorization) const;

 private:
  std::map<std::string, std::string> names_;  ///< by the key's HMAC, so that a search's time tells nothing of the key
};

}  // namespace p2p::api
