#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/network.hpp"

namespace p2p::engine {

/// The sizes that a step graph is compiled for.
struct Geometry {
  std::int64_t batch = 1;   ///< 2 with guidance, in the order that the family's pipeline has
  std::int64_t height = 0;  ///< of the latents
  std::int64_t width = 0;
  std::int64_t tokens = 0;  ///< of the text

  bool operator==(const Geometry&) const = default;
};

/// Values for a graph's inputs by name.
using Inputs = std::map<std::string, std::vector<float>>;

/// The graphs of a denoising network, all over the same weights, divided by how often their values change.
class DenoiserGraphs {
 public:
  virtual ~DenoiserGraphs() = default;
  /// Input `text` [batch, tokens, width of the text encoder], output `embedding`. Nothing where the attention blocks read the text itself.
  virtual std::optional<Graph> text_graph(const Geometry& geometry) = 0;
  /// One graph for each attention block, named after its path: input `embedding`, outputs `k` and `v`, which are the step graph's inputs
  /// PATH.k and PATH.v.
  virtual std::vector<Graph> attention_graphs(const Geometry& geometry) = 0;
  /// Input `embedding`, as time_embedding() makes it, and what else the time is mixed with; output `time`, a row for each picture of the
  /// batch, or one for all.
  virtual Graph time_graph(const Geometry& geometry) = 0;
  /// Inputs `x` [batch, channels, height, width], `time`, every PATH.k and PATH.v, and what the network needs besides; output `prediction`,
  /// of x's shape.
  virtual Graph step_graph(const Geometry& geometry) = 0;
  virtual std::vector<float> time_embedding(float time) const = 0;
};

/// Runs a denoising network. Compiles for a geometry when it is first asked for and keeps the last one. Safe to use from several threads.
class Denoiser {
 public:
  Denoiser(std::shared_ptr<DenoiserGraphs> graphs, Precision precision, int threads);
  ~Denoiser();

  struct Compiled;

  /// One picture's use of the network: what does not change between its steps is computed once, here. Not for two threads at once.
  class Picture {
   public:
    /// `text` [batch, tokens, width]; `times` are those the loop will ask for; the step graph's further inputs, and the time graph's.
    Picture(const std::shared_ptr<const Compiled>& compiled, std::span<const float> text, std::span<const float> times,
            const Inputs& constants, const Inputs& time_constants = {});
    ~Picture();
    Picture(Picture&&) noexcept;

    /// The prediction for `latents` [batch, channels, height, width] at times[index]; valid until the next call.
    std::span<const float> predict(std::span<const float> latents, std::size_t index);
    double multiply_adds() const;

   private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

  std::shared_ptr<const Compiled> compile(const Geometry& geometry) const;
  /// Returns when all of it is compiled.
  static void wait(const Compiled& compiled);

 private:
  std::shared_ptr<DenoiserGraphs> graphs_;
  Precision precision_;
  int threads_;
  mutable std::mutex mutex_;
  mutable Geometry geometry_;
  mutable std::shared_ptr<const Compiled> compiled_;
};

}  // namespace p2p::engine
