#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "base/json.hpp"
#include "platform/bus/bus.hpp"

namespace p2p::testing {

/// Corrupts texts in ways that outside input may be corrupted. Deterministic for a seed.
class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  /// One to four times: changes, inserts, removes or duplicates some bytes, or truncates the text.
  std::string bytes(std::string text);
  /// JSON text of `json` with one to three values added, removed, or replaced by another type, an edge of a range, or something very long
  /// or deep.
  std::string values(Json json);
  /// bytes(), values(), or both.
  std::string any(const Json& json);
  /// Message headers with some missing, corrupted, duplicated or added.
  bus::Headers headers(const bus::Headers& headers);

  std::size_t below(std::size_t count) { return random_() % count; }
  /// An id in the format of new_id().
  std::string id();

 private:
  std::mt19937 random_;
};

/// The sum of the metric's series whose labels contain `label`, in Prometheus' text format.
double sum_of(const std::string& metrics, const std::string& name, const std::string& label = "");

}  // namespace p2p::testing
