#pragma once

#include <initializer_list>
#include <memory>
#include <openvino/core/node.hpp>
#include <openvino/core/partial_shape.hpp>
#include <openvino/op/parameter.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/checkpoint/weights.hpp"

namespace p2p::engine {

/// A tensor that a graph computes. Cheap to copy.
using Value = ov::Output<ov::Node>;

/// A network under construction: its inputs, outputs and weights. All arithmetic is written in f32; Network chooses the precision.
class Graph {
 public:
  /// Where a compiled network finds its weights.
  enum class WeightUse {
    packed,    ///< compiled into the network in its fastest layout and precision, as a copy in memory; for graphs that run at every step
    streamed,  ///< read from the mapped file at each run, without a copy; for graphs that run once per picture
  };

  explicit Graph(std::string name, WeightUse use = WeightUse::packed) : name_(std::move(name)), use_(use) {}

  /// A dimension of -1 is free.
  Value input(const std::string& name, const ov::PartialShape& shape);
  void output(const std::string& name, const Value& value);
  /// Of shape `view.shape` unless `shape`, with as many elements, is given; the node is the node is named after the weight's path.
  Value weight(const Weights::Tensor& tensor, const std::string& path, const Shape& shape);

  const std::string& name() const { return name_; }
  /// Types and shapes of streamed weights, and shapes of outputs. Graphs built by one function can share a Network if these are equal.
  std::string signature() const;

 private:
  friend class Network;
  struct Stream {
    std::shared_ptr<ov::op::v0::Parameter> parameter;
    Weights::Tensor tensor;
  };

  std::string name_;
  WeightUse use_;
  std::vector<std::shared_ptr<ov::op::v0::Parameter>> inputs_;
  std::vector<std::pair<std::string, Value>> outputs_;
  std::vector<Stream> streams_;
};

/// A node in the tree of weight names, and the graph that uses the weights: `scope / "blocks" / 3 / "mapper"`.
class Scope {
 public:
  Scope(Weights& weights, Graph& graph, std::string path = {}) : weights_(&weights), graph_(&graph), path_(std::move(path)) {}

  Scope operator/(std::string_view name) const;
  Scope operator/(std::size_t index) const { return *this / std::to_string(index); }

  /// The tensor `name` of `shape`, reshaped to `as` if given (as many elements).
  Value weight(std::string_view name, const Shape& shape, const Shape& as = {}) const;
  /// The same tensor, for computations on the host.
  Weights::Tensor tensor(std::string_view name, const Shape& shape) const { return weights_->get((*this / name).path_, shape); }

  /// Whether the checkpoint has the tensor `name`.
  bool has(std::string_view name) const { return weights_->has((*this / name).path_); }

  Graph& graph() const { return *graph_; }
  const std::string& path() const { return path_; }

 private:
  Weights* weights_;
  Graph* graph_;
  std::string path_;
};

}  // namespace p2p::engine
