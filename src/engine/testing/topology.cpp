#include "engine/testing/topology.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "engine/testing/golden.hpp"

namespace p2p::engine::golden {

Topology::Topology(const std::string& part) : config(file("topology/" + part + "/config.json")) {
  std::ifstream in(file("topology/" + part + "/tensors.txt"));
  for (std::string line; std::getline(in, line);) {
    if (!line.contains("num_batches_tracked")) tensors.push_back(line);
  }
  std::ranges::sort(tensors);
}

testing::AssertionResult Topology::equals(const Weights& weights) const {
  std::vector<std::string> asked;
  for (const auto& [name, shape] : weights.requested()) asked.push_back(name + " " + to_string(shape));
  std::ranges::sort(asked);
  if (asked == tensors && !asked.empty()) return testing::AssertionSuccess();
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::ranges::set_difference(tensors, asked, std::back_inserter(missing));
  std::ranges::set_difference(asked, tensors, std::back_inserter(extra));
  auto failure = testing::AssertionFailure() << missing.size() << " tensors were not asked for, " << extra.size() << " were too many";
  for (const auto& line : missing) failure << "\n  - " << line;
  for (const auto& line : extra) failure << "\n  + " << line;
  return failure;
}

}  // namespace p2p::engine::golden
