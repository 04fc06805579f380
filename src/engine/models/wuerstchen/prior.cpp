#include "engine/models/wuerstchen/prior.hpp"

#include "engine/checkpoint/config_reader.hpp"
#include "engine/models/wuerstchen/blocks.hpp"

namespace p2p::engine::wuerstchen {

PriorConfig PriorConfig::load(const std::filesystem::path& config_file) {
  const ConfigReader reader(config_file);
  PriorConfig config;
  config.c_in = reader.size("c_in", 1, 1024, config.c_in);
  config.c = reader.size("c", 1, 16384, config.c);
  config.c_cond = reader.size("c_cond", 1, 16384, config.c_cond);
  config.c_r = reader.size("c_r", 4, 4096, config.c_r);
  config.depth = reader.size("depth", 1, 512, config.depth);
  config.nhead = reader.size("nhead", 1, config.c, config.nhead);
  return config;
}

Prior::Prior(const std::filesystem::path& folder) : Prior(PriorConfig::load(folder / "config.json"), Weights(folder)) {}

Prior::Prior(const PriorConfig& config, Weights weights) : config_(config), weights_(std::move(weights)) {
  const LatentShape smallest{.batch = 1, .height = 1, .width = 1, .tokens = 1};
  text_graph(smallest);
  attention_graphs(smallest);
  time_graph(smallest);
  step_graph(smallest);
  weights_.finish();
}

std::optional<Graph> Prior::text_graph(const LatentShape& shape) {
  Graph graph("prior text", Graph::WeightUse::streamed);
  const Scope root(weights_, graph);
  const Value text = graph.input("text", {shape.batch, shape.tokens, static_cast<std::int64_t>(config_.c_cond)});
  const Scope mapper = root / "cond_mapper";
  const Value hidden = ops::leaky_relu(ops::linear(text, mapper / 0, {.in = config_.c_cond, .out = config_.c}), 0.2F);
  const Value embedding = ops::linear(hidden, mapper / 2, {.in = config_.c, .out = config_.c});
  graph.output("embedding", embedding);
  return graph;
}

std::vector<Graph> Prior::attention_graphs(const LatentShape& shape) {
  std::vector<Graph> graphs;
  for (std::size_t i = 0; i < config_.depth; ++i) {
    graphs.push_back(attn_block_text(weights_, "blocks." + std::to_string(3 * i + 2), config_.c, config_.c, config_.nhead,
                                     {.batch = shape.batch, .tokens = shape.tokens}));
  }
  return graphs;
}

Graph Prior::time_graph(const LatentShape& /*shape*/) {
  Graph graph("prior time", Graph::WeightUse::streamed);
  const Scope root(weights_, graph);
  TimeTableWriter times(graph, config_.c_r);
  for (std::size_t i = 0; i < config_.depth; ++i) times.timestep_block(root / "blocks" / (3 * i + 1), config_.c);
  times.finish();
  return graph;
}

std::vector<float> Prior::time_embedding(float time) const { return wuerstchen::time_embedding(time, config_.c_r); }

Graph Prior::step_graph(const LatentShape& shape) {
  Graph graph("prior");
  const Scope root(weights_, graph);
  const auto c_in = static_cast<std::int64_t>(config_.c_in);
  const Value latents = ops::permute(graph.input("x", {shape.batch, c_in, shape.height, shape.width}), {0, 2, 3, 1});
  TimeTableReader times(graph, std::vector<std::size_t>(config_.depth, config_.c));
  Value x = ops::pointwise_conv2d(latents, root / "projection", {.in = config_.c_in, .out = config_.c});
  for (std::size_t i = 0; i < config_.depth; ++i) {
    const Scope blocks = root / "blocks";
    x = res_block(x, blocks / (3 * i), config_.c);
    x = times.timestep_block(x);
    x = attn_block(x, blocks / (3 * i + 2), config_.c, config_.nhead, {.batch = shape.batch, .tokens = shape.tokens});
  }
  x = ops::pointwise_conv2d(ops::layer_norm(x, 1e-6F), root / "out" / 1, {.in = config_.c, .out = 2 * config_.c_in});
  const auto ab = ops::split(x, 3, {c_in, c_in});
  const Value scale = ops::add(ops::abs(ops::sub(ops::scalar(1.0F), ab[1])), ops::scalar(1e-5F));
  graph.output("prediction", ops::permute(ops::div(ops::sub(latents, ab[0]), scale), {0, 3, 1, 2}));
  return graph;
}

}  // namespace p2p::engine::wuerstchen
