#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "base/json.hpp"
#include "platform/bus/bus.hpp"

namespace p2p::testing {

/// Spoils texts in the ways that those from outside are spoilt. The same seed gives the same.
class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  /// One to four times: some bytes changed, put in, taken out or doubled, or the rest cut off.
  std::string bytes(std::string text);
  /// JSON text of `json`, of which one to three places are new, gone, of another type, at the edge of a range, very long or very
  /// deep.
  std::string places(Json json);
  /// Either of the two, or both.
  std::string any(const Json& json);
  /// Headers of a message of which some are missing, spoilt, there twice or new.
  bus::Headers headers(const bus::Headers& headers);

  std::size_t below(std::size_t count) { return random_() % count; }
  /// As new_id() writes them.
  std::string id();

 private:
  std::mt19937 random_;
};

/// The sum of the metric's series whose labels hold `label`, in Prometheus' text.
double sum_of(const std::string& metrics, const std::string& name, const std::string& label = "");

}  // namespace p2p::testing
