#pragma once

#include <string>
#include <utility>

namespace p2p {

/// A text that must not be seen: it has no output operator, no conversion to text and no JSON form. expose() marks each place that sends it
/// out.
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
