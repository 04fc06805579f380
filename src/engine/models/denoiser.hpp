#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/network.hpp"
#include "engine/graph/single_entry_cache.hpp"

namespace p2p::engine {

/// The sizes that a step graph is compiled for.
struct LatentShape {
  std::int64_t batch = 1;   ///< 2 with guidance; the pipeline defines the order
  std::int64_t height = 0;  ///< of the latents
  std::int64_t width = 0;
  std::int64_t tokens = 0;  ///< of the text

  bool operator==(const LatentShape&) const = default;
};

/// Values for a graph's inputs by name.
using Inputs = std::map<std::string, std::vector<float>>;

/// The graphs of a denoising network, all over the same weights, divided by how often their values change.
class DenoiserGraphs {
 public:
  virtual ~DenoiserGraphs() = default;
  /// Input `text` [batch, tokens, width of the text encoder], output `embedding`. Nothing if the attention blocks read the text itself.
  virtual std::optional<Graph> text_graph(const LatentShape& shape) = 0;
  /// One graph for each attention block, named after its path: input `embedding`, outputs `k` and `v`, which are the step graph's inputs
  /// PATH.k and PATH.v.
  virtual std::vector<Graph> attention_graphs(const LatentShape& shape) = 0;
  /// Input `embedding`, from time_embedding(), and further conditions of the network; output `time`, a row for each picture of the batch,
  /// or one for all.
  virtual Graph time_graph(const LatentShape& shape) = 0;
  /// Inputs `x` [batch, channels, height, width], `time`, every PATH.k and PATH.v, and further inputs of the network; output `prediction`,
  /// of x's shape.
  virtual Graph step_graph(const LatentShape& shape) = 0;
  virtual std::vector<float> time_embedding(float time) const = 0;
};

/// A denoising network. Compiles its graphs for a shape on first use and caches the last shape's. Safe to use from several threads.
class Denoiser {
 public:
  Denoiser(std::shared_ptr<DenoiserGraphs> graphs, Precision precision, int threads);
  ~Denoiser();

  /// The networks compiled for one shape.
  struct Compiled;

  std::shared_ptr<const Compiled> compile(const LatentShape& shape) const;
  /// Blocks until all networks are compiled.
  static void wait(const Compiled& compiled);

 private:
  std::shared_ptr<DenoiserGraphs> graphs_;
  Precision precision_;
  int threads_;
  SingleEntryCache<LatentShape, Compiled> compiled_;
};

/// The denoising loop of one picture. The constructor computes everything that stays the same in all steps. Not thread-safe.
class DenoiseSession {
 public:
  /// `text` [batch, tokens, width]; `times` are the times of the loop's steps; `constants` are further inputs of the step graph, and
  /// `time_constants` of the time graph.
  DenoiseSession(const std::shared_ptr<const Denoiser::Compiled>& compiled, std::span<const float> text, std::span<const float> times,
                 const Inputs& constants, const Inputs& time_constants = {});
  ~DenoiseSession();
  DenoiseSession(DenoiseSession&&) noexcept;

  /// Replaces the text and the constants of the time graph for the steps [first, end).
  void set_text(std::span<const float> text, const Inputs& time_constants, std::size_t first, std::size_t end);

  /// The prediction for `latents` [batch, channels, height, width] at times[index]; valid until the next call.
  std::span<const float> predict(std::span<const float> latents, std::size_t index);
  double multiply_adds() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::engine
