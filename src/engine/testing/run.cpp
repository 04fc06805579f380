#include "engine/graph/network.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine::golden {

Values run(const Graph& graph, const Values& inputs, const std::vector<std::string>& outputs) {
  const Network network(graph, Precision::f32, 1);
  Network::Run one(network);
  one.stream_weights_of(graph);
  for (const auto& [name, values] : inputs) one.set(name, values);
  one.execute();
  Values results;
  for (const auto& name : outputs) {
    const auto values = one.output(name);
    results[name].assign(values.begin(), values.end());
  }
  return results;
}

}  // namespace p2p::engine::golden
