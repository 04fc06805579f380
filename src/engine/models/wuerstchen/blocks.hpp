#pragma once

#include <optional>
#include <vector>

#include "engine/graph/ops.hpp"

// Blocks of diffusers' modeling_wuerstchen_common.py and modeling_wuerstchen_diffnext.py. Feature maps are [N, H, W, C].
//
// A denoising network is built as several graphs, by how often their values change:
//   text    per picture     the prompt -> its embedding -> keys and values of every attention block
//   time    per time        the time embedding -> scale and shift of every timestep block
//   step    at every step   the latents and the outputs of the other two -> the prediction
namespace p2p::engine::wuerstchen {

/// The sinusoidal embedding of a time ratio (gen_r_embedding): `c_r` values.
std::vector<float> time_embedding(float ratio, std::size_t c_r);

/// Collects the outputs of a time graph: one row for all timestep blocks, in the order they are built.
class TimeTableWriter {
 public:
  TimeTableWriter(Graph& graph, std::size_t c_r);
  /// The block's `mapper`: 2c values, scale (1 included) and shift.
  void timestep_block(const Scope& scope, std::size_t c);
  /// Makes the output `time` [1, sum of 2c]; [1, 1] without any block.
  void finish();

 private:
  Graph* graph_;
  std::size_t c_r_;
  Value embedding_;
  std::vector<Value> parts_;
};

/// Splits that row again, in the same order, inside a step graph.
class TimeTableReader {
 public:
  /// `channels`: c of every timestep block, in the order they are built.
  TimeTableReader(Graph& graph, const std::vector<std::size_t>& channels);
  /// x * scale + shift.
  Value timestep_block(const Value& x);

 private:
  std::vector<Value> parts_;
  std::size_t next_ = 0;
};

/// The `depthwise` convolution that opens both kinds of ResBlock.
Value depthwise(const Value& x, const Scope& scope, std::size_t c, std::size_t kernel);

/// ResBlock of the prior.
Value res_block(const Value& x, const Scope& scope, std::size_t c);

struct AttnShape {
  std::int64_t batch = 0;
  std::int64_t tokens = 0;  ///< of the text
};
/// Keys and values of the text for the AttnBlock at `path`: input `embedding` [batch, tokens, c_cond], outputs `k` and `v`
/// [batch, heads, tokens, c / heads].
Graph attn_block_text(Weights& weights, const std::string& path, std::size_t c_cond, std::size_t c, std::size_t heads, AttnShape shape);
/// AttnBlock: self-attention over the map's pixels and the text; `PATH.k` and `PATH.v`, inputs of its graph, are attn_block_text's outputs.
Value attn_block(const Value& x, const Scope& scope, std::size_t c, std::size_t heads, AttnShape shape);

/// Catmull-Rom resize as torch's interpolate(mode="bicubic", antialias=True, align_corners=True): [C, h, w] to [H, W, C].
std::vector<float> resize_bicubic_antialiased(std::span<const float> planes, std::size_t channels, std::size_t h, std::size_t w,
                                              std::size_t to_h, std::size_t to_w);

}  // namespace p2p::engine::wuerstchen
