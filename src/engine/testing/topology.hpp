#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/checkpoint/weights.hpp"

namespace p2p::engine::golden {

/// Every tensor that a part of a published model has, from tests/golden/topology.
struct Topology {
  explicit Topology(const std::string& part);

  /// Whether exactly these were asked for; BatchNorm's counters are not, as nothing reads them.
  testing::AssertionResult equals(const Weights& weights) const;

  std::filesystem::path config;
  std::vector<std::string> tensors;  ///< "NAME SHAPE", sorted
};

}  // namespace p2p::engine::golden
