#pragma once

#include <string>
#include <vector>

#include "engine/graph/graph.hpp"

namespace p2p::engine::wuerstchen {

/// A linear layer whose last input is the output of another linear map of the image embeddings, an effnet mapper:
///   linear([x, mapper(effnet)]) = folded([x, effnet])
/// The folded weight has as many columns for effnet as effnet has channels (16 instead of 1024 in the published model), which removes a
/// fifth of the decoder's multiply-adds from every step.
class FoldedLinear {
 public:
  struct Sizes {
    std::size_t x = 0;  ///< channels
    std::size_t effnet = 0;
    std::size_t mapped = 0;  ///< output channels of the mapper
    std::size_t out = 0;
  };

  /// Requests the weights of both layers and reserves memory for the folded weight, which stays zero until fold(). `dtype` is its type.
  FoldedLinear(Weights& weights, std::string linear, const std::string& mapper, const Sizes& sizes, DType dtype);

  /// Computes the folded weight and bias on the first call. Call after Weights::finish().
  void fold();

  /// The folded layer in `graph`, applied to `input` [..., x + effnet].
  Value apply(const Value& input, Graph& graph) const;

 private:
  std::string path_;
  Sizes sizes_;
  Weights::Tensor weight_;         ///< [out, x + mapped]
  Weights::Tensor bias_;           ///< [out]
  Weights::Tensor mapper_weight_;  ///< [mapped, effnet, 1, 1]
  Weights::Tensor mapper_bias_;    ///< [mapped]
  NewTensor folded_weight_;        ///< [out, x + effnet]
  std::vector<float> folded_bias_;
  bool is_folded_ = false;
};

}  // namespace p2p::engine::wuerstchen
