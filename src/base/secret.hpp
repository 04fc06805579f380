#pragma once

#include <string>
#include <utility>

namespace p2p {

/// A text that must not be printed: it has no output operator, no conversion to text and no JSON form. Only expose() returns it, which
/// makes its uses easy to find.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  const std::string& expose() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace p2p
