#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/graph/graph.hpp"
#include "engine/graph/precision.hpp"

namespace p2p::engine {

/// A graph compiled for this processor. Immutable: any number of Runs may execute at once; they take turns on the same threads.
class Network {
 public:
  /// Compiles the graph; a small one in the background, so that the first Run waits for it. Both throw ModelError that names the graph.
  /// The memory of the graph's weights must outlive the network.
  Network(const Graph& graph, Precision precision, int threads);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  /// The inputs and outputs of one user of a network. Not thread-safe.
  class Run {
   public:
    explicit Run(const Network& network);
    ~Run();
    Run(Run&&) noexcept;

    /// Copies `values`, as many as the input has elements.
    void set(const std::string& name, std::span<const float> values);
    /// Streams the weights of `graph` from now on; it was built by the same function as the network's own graph, over weights of the same
    /// shapes and types. They must outlive the run.
    void stream_weights_of(const Graph& graph);
    /// Computes the outputs.
    void execute();
    /// Valid until the next execute().
    std::span<const float> output(const std::string& name) const;

   private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

  /// Blocks until the network is compiled.
  void wait() const;

  /// Multiply-adds of matrix products, convolutions and attention in one execution.
  double multiply_adds() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

/// Whether this processor computes in bf16.
bool has_bf16();

}  // namespace p2p::engine
