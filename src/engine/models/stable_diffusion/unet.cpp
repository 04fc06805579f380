#include "engine/models/stable_diffusion/unet.hpp"

#include <utility>

#include "base/error.hpp"
#include "engine/models/stable_diffusion/embeddings.hpp"

namespace p2p::engine::stable_diffusion {

/// One module of the down, middle and up blocks.
struct Unet::Block {
  enum class Kind { resnet, transformer, downsample, upsample };

  Kind kind = Kind::resnet;
  std::string path;
  std::size_t in = 0;
  std::size_t out = 0;
  std::size_t heads = 0;     ///< of transformer
  std::size_t layers = 0;    ///< likewise
  float scale_factor = 1;    ///< of resnet
  bool joins_skip = false;   ///< also reads the last skip, which `in` includes
  bool leaves_skip = false;  ///< its output is a skip
};

/// Lists the blocks of a network in execution order.
class Unet::BlockList {
 public:
  explicit BlockList(const UnetConfig& config) : config_(config), channels_(config.block_out_channels[0]), skips_{channels_} {
    for (std::size_t level = 0; level < config.levels(); ++level) down(level);
    if (config.has_mid_block) middle();
    for (std::size_t i = 0; i < config.levels(); ++i) up(i);
  }

  std::vector<Block> take() { return std::move(blocks_); }

 private:
  using Kind = Block::Kind;

  void down(std::size_t level) {
    const std::string path = "down_blocks." + std::to_string(level);
    for (std::size_t j = 0; j < config_.layers_per_block[level]; ++j) {
      resnet(path, j, config_.block_out_channels[level]);
      if (config_.down_attention[level]) transformer(path, j, level, config_.down_transformers[level][j]);
      leave_skip();
    }
    if (level + 1 == config_.levels()) return;
    blocks_.push_back({.kind = Kind::downsample, .path = path + ".downsamplers.0", .in = channels_, .out = channels_});
    leave_skip();
  }

  void middle() {
    resnet("mid_block", 0, channels_, config_.mid_block_scale_factor);
    if (!config_.mid_attention) return;
    transformer("mid_block", 0, config_.levels() - 1, config_.mid_transformer);
    resnet("mid_block", 1, channels_, config_.mid_block_scale_factor);
  }

  void up(std::size_t i) {
    const std::size_t level = config_.levels() - 1 - i;
    const std::string path = "up_blocks." + std::to_string(i);
    for (std::size_t j = 0; j <= config_.layers_per_block[level]; ++j) {
      channels_ += skips_.back();
      skips_.pop_back();
      resnet(path, j, config_.block_out_channels[level]);
      blocks_.back().joins_skip = true;
      if (config_.up_attention[i]) transformer(path, j, level, config_.up_transformers[i][j]);
    }
    if (level > 0) blocks_.push_back({.kind = Kind::upsample, .path = path + ".upsamplers.0", .in = channels_, .out = channels_});
  }

  void resnet(const std::string& path, std::size_t index, std::size_t out, float scale_factor = 1) {
    blocks_.push_back({.kind = Kind::resnet,
                       .path = path + ".resnets." + std::to_string(index),
                       .in = channels_,
                       .out = out,
                       .scale_factor = scale_factor});
    channels_ = out;
  }

  void transformer(const std::string& path, std::size_t index, std::size_t level, std::size_t layers) {
    blocks_.push_back({.kind = Kind::transformer,
                       .path = path + ".attentions." + std::to_string(index),
                       .in = channels_,
                       .out = channels_,
                       .heads = config_.heads[level],
                       .layers = layers});
  }

  void leave_skip() {
    blocks_.back().leaves_skip = true;
    skips_.push_back(channels_);
  }

  const UnetConfig& config_;
  std::vector<Block> blocks_;
  std::size_t channels_;            ///< of the last block's output
  std::vector<std::size_t> skips_;  ///< of the skips
};

Unet::Unet(Component component) : Unet(UnetConfig::load(component.config), Weights(std::move(component.weights))) {}

Unet::Unet(UnetConfig config, Weights weights)
    : config_(std::move(config)), blocks_(BlockList(config_).take()), weights_(std::move(weights)) {
  const LatentShape smallest{.batch = 1, .height = 1, .width = 1, .tokens = 1};
  attention_graphs(smallest);
  time_graph(smallest);
  step_graph(smallest);
  weights_.finish();
}

Unet::Unet(const Unet& base, std::shared_ptr<const WeightPatches> patches)
    : config_(base.config_), blocks_(base.blocks_), weights_(base.weights_) {
  weights_.patch(std::move(patches));
}

Unet::~Unet() = default;

Transformer Unet::transformer(const Block& block, const LatentShape& shape) const {
  return {.channels = block.in,
          .heads = block.heads,
          .layers = block.layers,
          .groups = config_.norm_num_groups,
          .linear_projection = config_.use_linear_projection,
          .text_width = config_.cross_attention_dim,
          .batch = shape.batch,
          .tokens = shape.tokens};
}

std::vector<Graph> Unet::attention_graphs(const LatentShape& shape) {
  std::vector<Graph> graphs;
  for (const Block& block : blocks_) {
    if (block.kind != Block::Kind::transformer) continue;
    for (std::size_t i = 0; i < block.layers; ++i)
      graphs.push_back(cross_attention_text(weights_, cross_attention_path(block.path, i), transformer(block, shape)));
  }
  return graphs;
}

Graph Unet::time_graph(const LatentShape& shape) {
  Graph graph("unet time", Graph::WeightUse::streamed);
  const Scope root(weights_, graph);
  const std::size_t width = config_.block_out_channels[0];
  const std::size_t hidden = config_.time_embed_dim;
  const auto mlp = [&](const Value& x, const Scope& scope, std::size_t in) {
    return ops::linear(ops::silu(ops::linear(x, scope / "linear_1", {.in = in, .out = hidden})), scope / "linear_2",
                       {.in = hidden, .out = hidden});
  };
  Value x = graph.input("embedding", {1, ops::dim(width)});
  if (config_.time_cond_proj_dim != 0) {
    const Value condition = graph.input("condition", {1, ops::dim(config_.time_cond_proj_dim)});
    x = ops::add(
        x, ops::linear(condition, root / "time_embedding" / "cond_proj", {.in = config_.time_cond_proj_dim, .out = width, .bias = false}));
  }
  x = mlp(x, root / "time_embedding", width);
  if (config_.addition_time_embed_dim != 0) {
    const std::size_t in = config_.projection_class_embeddings_input_dim;
    x = ops::add(x, mlp(graph.input("added", {shape.batch, ops::dim(in)}), root / "add_embedding", in));
  }
  x = ops::silu(x);
  std::vector<Value> parts;
  for (const Block& block : blocks_) {
    if (block.kind != Block::Kind::resnet) continue;
    parts.push_back(ops::linear(x, root / block.path / "time_emb_proj", {.in = hidden, .out = block.out}));
  }
  graph.output("time", ops::concat(parts, 1));
  return graph;
}

/// Builds a step graph's blocks one after the other.
class Unet::StepBuilder {
 public:
  StepBuilder(Unet& unet, Graph& graph, const LatentShape& shape)
      : unet_(unet), config_(unet.config_), root_(unet.weights_, graph), shape_(shape) {
    std::vector<std::int64_t> sizes;
    std::int64_t total = 0;
    for (const Block& block : unet.blocks_) {
      if (block.kind != Block::Kind::resnet) continue;
      sizes.push_back(ops::dim(block.out));
      total += sizes.back();
    }
    const std::int64_t rows = config_.addition_time_embed_dim != 0 ? shape.batch : 1;
    for (const Value& part : ops::split(graph.input("time", {rows, total}), 1, sizes)) times_.push_back(ops::reshape(part, {0, -1, 1, 1}));
  }

  Value build(Value x) {
    skips_.push_back(x);
    for (const Block& block : unet_.blocks_) {
      if (block.joins_skip) {
        x = ops::concat({x, skips_.back()}, 1);
        skips_.pop_back();
      }
      x = apply(block, x);
      if (block.leaves_skip) skips_.push_back(x);
    }
    return x;
  }

 private:
  Value apply(const Block& block, const Value& x) {
    const Scope scope = root_ / block.path;
    switch (block.kind) {
      case Block::Kind::resnet:
        return resnet_block(x, scope, {.in = block.in, .out = block.out}, {.groups = config_.norm_num_groups, .eps = config_.norm_eps},
                            times_.at(next_time_++), block.scale_factor);
      case Block::Kind::transformer:
        return transformer_2d(x, scope, unet_.transformer(block, shape_));
      case Block::Kind::downsample:
        return downsample(x, scope, block.in, config_.downsample_padding);
      case Block::Kind::upsample: {
        // Restores sides that were odd before halving: the next skip has the original size.
        const auto& size = skips_.back().get_shape();
        return upsample(x, scope, block.in, size[2], size[3]);
      }
    }
    std::unreachable();
  }

  Unet& unet_;
  const UnetConfig& config_;
  Scope root_;
  LatentShape shape_;
  std::vector<Value> times_;
  std::size_t next_time_ = 0;
  std::vector<Value> skips_;
};

Graph Unet::step_graph(const LatentShape& shape) {
  Graph graph("unet");
  const Scope root(weights_, graph);
  const std::size_t c = config_.block_out_channels[0];
  Value x = graph.input("x", {shape.batch, ops::dim(config_.in_channels), shape.height, shape.width});
  if (config_.center_input_sample) x = ops::sub(ops::mul(x, ops::scalar(2)), ops::scalar(1));
  x = ops::conv2d(x, root / "conv_in", {.in = config_.in_channels, .out = c},
                  {.kernel = config_.conv_in_kernel, .padding = config_.conv_in_kernel / 2});
  x = StepBuilder(*this, graph, shape).build(x);
  x = ops::silu(ops::group_norm(x, config_.norm_num_groups, config_.norm_eps, root / "conv_norm_out", c));
  x = ops::conv2d(x, root / "conv_out", {.in = c, .out = config_.out_channels},
                  {.kernel = config_.conv_out_kernel, .padding = config_.conv_out_kernel / 2});
  graph.output("prediction", x);
  return graph;
}

std::vector<float> Unet::time_embedding(float time) const {
  return timestep_embedding(time, config_.block_out_channels[0], config_.flip_sin_to_cos, config_.freq_shift);
}

std::vector<float> Unet::added_condition(std::span<const float> pooled_text, std::span<const float> time_ids) const {
  std::vector<float> row(pooled_text.begin(), pooled_text.end());
  for (const float id : time_ids) {
    const auto embedding = timestep_embedding(id, config_.addition_time_embed_dim, config_.flip_sin_to_cos, config_.freq_shift);
    row.insert(row.end(), embedding.begin(), embedding.end());
  }
  if (row.size() != config_.projection_class_embeddings_input_dim) {
    throw ModelError("unet: projection_class_embeddings_input_dim: expected " + std::to_string(row.size()) + ", a pooled text of " +
                     std::to_string(pooled_text.size()) + " and " + std::to_string(time_ids.size()) + " sizes of addition_time_embed_dim " +
                     std::to_string(config_.addition_time_embed_dim) + ", found " +
                     std::to_string(config_.projection_class_embeddings_input_dim));
  }
  return row;
}

}  // namespace p2p::engine::stable_diffusion
