#include "engine/models/wuerstchen/decoder.hpp"

#include <algorithm>

#include "engine/models/wuerstchen/blocks.hpp"

namespace p2p::engine::wuerstchen {
namespace {

constexpr float kDecoderEps = 1e-6F;

std::string effnet_input(std::size_t level) { return "effnet." + std::to_string(level); }

/// Input channels of a residual block's `channelwise` layers, without the image embeddings.
std::size_t channelwise_in(const DecoderBlock& block, std::size_t c) { return block.joins_skip ? 2 * c : c; }

}  // namespace

Decoder::Decoder(const std::filesystem::path& folder, Precision precision)
    : Decoder(DecoderConfig::load(folder / "config.json"), Weights(folder), precision) {}

Decoder::Decoder(const DecoderConfig& config, Weights weights, Precision precision)
    : config_(config), weights_(std::move(weights)), blocks_(config.block_list()) {
  const auto side = static_cast<std::int64_t>(config_.size_multiple());
  const LatentShape smallest{.batch = 1, .height = side, .width = side, .tokens = 1};
  text_graph(smallest);
  attention_graphs(smallest);
  time_graph(smallest);
  const DType folded_type = precision == Precision::bf16 ? DType::bf16 : DType::f32;
  for (const DecoderBlock& block : blocks_) {
    if (block.effnet_mapper.empty()) continue;
    const std::size_t c = config_.c_hidden[block.level];
    const FoldedLinear::Sizes sizes{.x = channelwise_in(block, c), .effnet = config_.effnet_embd, .mapped = config_.c_cond, .out = 4 * c};
    folded_.try_emplace(block.path, weights_, block.path + ".channelwise.0", block.effnet_mapper, sizes, folded_type);
  }
  build_step_graph(smallest);
  weights_.finish();
}

std::optional<Graph> Decoder::text_graph(const LatentShape& shape) {
  Graph graph("decoder text", Graph::WeightUse::streamed);
  const Scope root(weights_, graph);
  const Value text = graph.input("text", {shape.batch, shape.tokens, static_cast<std::int64_t>(config_.clip_embd)});
  const Value mapped = ops::linear(text, root / "clip_mapper", {.in = config_.clip_embd, .out = config_.c_cond});
  graph.output("embedding", ops::layer_norm(mapped, kDecoderEps));
  return graph;
}

std::vector<Graph> Decoder::attention_graphs(const LatentShape& shape) {
  std::vector<Graph> graphs;
  for (const DecoderBlock& block : blocks_) {
    if (block.type != BlockType::attention) continue;
    graphs.push_back(attn_block_text(weights_, block.path, config_.c_cond, config_.c_hidden[block.level],
                                     static_cast<std::size_t>(config_.nhead[block.level]), {.batch = shape.batch, .tokens = shape.tokens}));
  }
  return graphs;
}

Graph Decoder::time_graph(const LatentShape& /*shape*/) {
  Graph graph("decoder time", Graph::WeightUse::streamed);
  const Scope root(weights_, graph);
  TimeTableWriter times(graph, config_.c_r);
  for (const DecoderBlock& block : blocks_) {
    if (block.type == BlockType::timestep) times.timestep_block(root / block.path, config_.c_hidden[block.level]);
  }
  times.finish();
  return graph;
}

std::vector<float> Decoder::time_embedding(float time) const { return wuerstchen::time_embedding(time, config_.c_r); }

/// Adds the blocks to a step graph, one after the other.
class Decoder::StepBuilder {
 public:
  StepBuilder(Decoder& decoder, Graph& graph, const LatentShape& shape)
      : decoder_(decoder),
        config_(decoder.config_),
        graph_(graph),
        root_(decoder.weights_, graph),
        shape_(shape),
        times_(graph, time_channels()) {
    for (std::size_t level = 0; level < config_.levels(); ++level) {
      if (!config_.inject_effnet[level]) continue;
      const auto cell = static_cast<std::int64_t>(config_.patch_size << level);
      effnet_[level] = graph.input(effnet_input(level),
                                   {shape.batch, shape.height / cell, shape.width / cell, static_cast<std::int64_t>(config_.effnet_embd)});
    }
  }

  Value build(Value x) {
    for (const DecoderBlock& block : decoder_.blocks_) x = add(block, x);
    return x;
  }

 private:
  std::vector<std::size_t> time_channels() const {
    std::vector<std::size_t> channels;
    for (const DecoderBlock& block : decoder_.blocks_) {
      if (block.type == BlockType::timestep) channels.push_back(config_.c_hidden[block.level]);
    }
    return channels;
  }

  Value add(const DecoderBlock& block, const Value& x) {
    const Scope scope = root_ / block.path;
    const std::size_t c = config_.c_hidden[block.level];
    switch (block.type) {
      case BlockType::residual:
        return res_block(x, scope, block);
      case BlockType::timestep:
        return times_.timestep_block(x);
      case BlockType::attention:
        return attn_block(x, scope, c, static_cast<std::size_t>(config_.nhead[block.level]),
                          {.batch = shape_.batch, .tokens = shape_.tokens});
      case BlockType::downscale:
        skips_[block.level] = x;
        return ops::to_channels_last(ops::conv2d(ops::to_channels_first(ops::layer_norm(x, kDecoderEps)), scope / 1,
                                                 {.in = c, .out = config_.c_hidden[block.level + 1]}, {.kernel = 2, .stride = 2}));
      case BlockType::upscale:
        return ops::to_channels_last(ops::conv_transpose2d(ops::to_channels_first(ops::layer_norm(x, kDecoderEps)), scope / 1,
                                                           {.in = c, .out = config_.c_hidden[block.level - 1]},
                                                           {.kernel = 2, .stride = 2}));
    }
    return x;
  }

  /// ResBlockStageB.
  Value res_block(const Value& x, const Scope& scope, const DecoderBlock& block) {
    const std::size_t c = config_.c_hidden[block.level];
    const Scope channelwise = scope / "channelwise";
    std::vector<Value> parts{ops::layer_norm(depthwise(x, scope, c, config_.kernel_size), kDecoderEps)};
    if (block.joins_skip) parts.push_back(skips_.at(block.level));
    const bool folded = !block.effnet_mapper.empty();
    if (folded) parts.push_back(effnet_.at(block.level));
    const Value input = parts.size() > 1 ? ops::concat(parts, 3) : parts[0];
    Value h = folded ? decoder_.folded_.at(block.path).apply(input, graph_)
                     : ops::linear(input, channelwise / 0, {.in = channelwise_in(block, c), .out = 4 * c});
    h = ops::global_response_norm(ops::gelu(h), channelwise / 2, 4 * c);
    return ops::add(x, ops::linear(h, channelwise / 4, {.in = 4 * c, .out = c}));
  }

  Decoder& decoder_;
  const DecoderConfig& config_;
  Graph& graph_;
  Scope root_;
  LatentShape shape_;
  TimeTableReader times_;
  std::map<std::size_t, Value> effnet_;  ///< by level
  std::map<std::size_t, Value> skips_;   ///< by level: the output of its down blocks
};

Graph Decoder::step_graph(const LatentShape& shape) {
  for (auto& [path, linear] : folded_) linear.fold();
  return build_step_graph(shape);
}

Graph Decoder::build_step_graph(const LatentShape& shape) {
  Graph graph("decoder");
  const Scope root(weights_, graph);
  const auto patch = static_cast<std::int64_t>(config_.patch_size);
  const auto c_out = static_cast<std::int64_t>(config_.c_out);
  const std::size_t cell = config_.patch_size * config_.patch_size;
  const std::size_t c = config_.c_hidden[0];
  const Value latents = graph.input("x", {shape.batch, static_cast<std::int64_t>(config_.c_in), shape.height, shape.width});
  const Value patches = ops::pixel_unshuffle(latents, patch);
  const Value embedded =
      ops::layer_norm(ops::pointwise_conv2d(patches, root / "embedding" / 1, {.in = config_.c_in * cell, .out = c}), kDecoderEps);
  const Value x = StepBuilder(*this, graph, shape).build(embedded);
  const Value head = ops::pointwise_conv2d(ops::layer_norm(x, kDecoderEps), root / "clf" / 1, {.in = c, .out = 2 * config_.c_out * cell});
  const auto ab = ops::split(ops::pixel_shuffle(head, patch), 1, {c_out, c_out});
  constexpr float kMargin = 1e-3F;
  const Value scale = ops::add(ops::mul(ops::sigmoid(ab[1]), ops::scalar(1 - 2 * kMargin)), ops::scalar(kMargin));
  graph.output("prediction", ops::div(ops::sub(latents, ab[0]), scale));
  return graph;
}

std::map<std::string, std::vector<float>> Decoder::effnet_inputs(std::span<const float> embeddings, std::size_t height, std::size_t width,
                                                                 const LatentShape& shape) const {
  std::map<std::string, std::vector<float>> inputs;
  const std::size_t picture = config_.effnet_embd * height * width;
  for (std::size_t level = 0; level < config_.levels(); ++level) {
    if (!config_.inject_effnet[level]) continue;
    const std::size_t cell = config_.patch_size << level;
    auto& values = inputs[effnet_input(level)];
    for (std::int64_t i = 0; i < shape.batch; ++i) {
      const auto resized =
          resize_bicubic_antialiased(embeddings.subspan(static_cast<std::size_t>(i) * picture, picture), config_.effnet_embd, height, width,
                                     static_cast<std::size_t>(shape.height) / cell, static_cast<std::size_t>(shape.width) / cell);
      values.insert(values.end(), resized.begin(), resized.end());
    }
  }
  return inputs;
}

}  // namespace p2p::engine::wuerstchen
