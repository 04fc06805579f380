#include "engine/models/clip_text.hpp"

#include <limits>

#include "base/error.hpp"
#include "engine/checkpoint/config_reader.hpp"
#include "engine/graph/ops.hpp"

namespace p2p::engine {
namespace {

// Checkpoints of transformers before 5 have everything below "text_model.".
Scope text_root(const Weights& weights, const Scope& root) {
  return weights.has("text_model.final_layer_norm.weight") ? root / "text_model" : root;
}

Value self_attention(const ClipTextConfig& config, const Value& x, const Value& mask, const Scope& scope) {
  const ops::Features square{.in = config.hidden_size, .out = config.hidden_size};
  const auto heads = [&](const char* name) { return ops::split_heads(ops::linear(x, scope / name, square), config.num_attention_heads); };
  const Value attended = ops::attention(heads("q_proj"), heads("k_proj"), heads("v_proj"), mask);
  return ops::linear(attended, scope / "out_proj", square);
}

Value mlp(const ClipTextConfig& config, const Value& x, const Scope& scope) {
  const Value h = ops::linear(x, scope / "fc1", {.in = config.hidden_size, .out = config.intermediate_size});
  const Value activated = config.quick_gelu ? ops::quick_gelu(h) : ops::gelu(h);
  return ops::linear(activated, scope / "fc2", {.in = config.intermediate_size, .out = config.hidden_size});
}

// Every token sees itself and those before it, as far as they are not padding.
std::vector<float> causal_mask(std::span<const std::int64_t> mask) {
  const std::size_t length = mask.size();
  std::vector<float> scores(length * length);
  for (std::size_t row = 0; row < length; ++row) {
    for (std::size_t column = 0; column < length; ++column) {
      const bool seen = column <= row && mask[column] != 0;
      scores[row * length + column] = seen ? 0.0F : std::numeric_limits<float>::lowest();
    }
  }
  return scores;
}

}  // namespace

ClipTextConfig ClipTextConfig::load(const std::filesystem::path& config_file) {
  const ConfigReader reader(config_file);
  ClipTextConfig config;
  config.hidden_size = reader.size("hidden_size", 1, 16384, 512);
  config.intermediate_size = reader.size("intermediate_size", 1, 65536, 2048);
  config.num_hidden_layers = reader.size("num_hidden_layers", 1, 256, 12);
  config.num_attention_heads = reader.size("num_attention_heads", 1, 256, 8);
  config.max_position_embeddings = reader.size("max_position_embeddings", 1, 4096, 77);
  config.vocab_size = reader.size("vocab_size", 1, 1 << 20, 49408);
  config.layer_norm_eps = static_cast<float>(reader.number("layer_norm_eps", 0, 1, 1e-5));
  const std::string activation = reader.text("hidden_act", "quick_gelu");
  if (activation != "gelu" && activation != "quick_gelu") {
    reader.fail("hidden_act", "expected gelu or quick_gelu, found \"" + activation + "\"");
  }
  config.quick_gelu = activation == "quick_gelu";
  if (config.hidden_size % config.num_attention_heads != 0) {
    reader.fail("num_attention_heads", "expected a divisor of hidden_size " + std::to_string(config.hidden_size) + ", found " +
                                           std::to_string(config.num_attention_heads));
  }
  return config;
}

void build_clip_text(const ClipTextConfig& config, std::size_t length, const Scope& root) {
  Graph& graph = root.graph();
  const auto n = static_cast<std::int64_t>(length);
  Value x = graph.input("embeddings", {1, n, static_cast<std::int64_t>(config.hidden_size)});
  const Value mask = graph.input("mask", {1, 1, n, n});
  for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
    const Scope layer = root / "encoder" / "layers" / i;
    const auto norm = [&](const Value& v, const char* name) {
      return ops::layer_norm(v, config.layer_norm_eps, layer / name, config.hidden_size);
    };
    x = ops::add(x, self_attention(config, norm(x, "layer_norm1"), mask, layer / "self_attn"));
    x = ops::add(x, mlp(config, norm(x, "layer_norm2"), layer / "mlp"));
  }
  graph.output("last_hidden_state", ops::layer_norm(x, config.layer_norm_eps, root / "final_layer_norm", config.hidden_size));
}

ClipText::ClipText(const std::filesystem::path& folder, std::size_t length, Precision precision, int threads)
    : config_(ClipTextConfig::load(folder / "config.json")), length_(length), weights_(folder) {
  if (length > config_.max_position_embeddings) {
    throw ModelError((folder / "config.json").string() + ": max_position_embeddings: expected at least the tokenizer's model_max_length " +
                     std::to_string(length) + ", found " + std::to_string(config_.max_position_embeddings));
  }
  Graph graph(folder.filename().string());
  const Scope root = text_root(weights_, Scope(weights_, graph));
  const Scope embeddings = root / "embeddings";
  token_embedding_ = (embeddings / "token_embedding").tensor("weight", {config_.vocab_size, config_.hidden_size});
  const auto positions = (embeddings / "position_embedding").tensor("weight", {config_.max_position_embeddings, config_.hidden_size});
  position_embedding_.resize(length * config_.hidden_size);
  to_floats(positions.view, 0, position_embedding_);
  build_clip_text(config_, length, root);
  weights_.ignore((embeddings / "position_ids").path());
  weights_.finish();
  network_ = std::make_unique<const Network>(graph, precision, threads);
}

std::vector<float> ClipText::encode(std::span<const std::int64_t> ids, std::span<const std::int64_t> mask) const {
  std::vector<float> embeddings(length_ * config_.hidden_size);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<std::size_t>(ids[i]);
    if (id >= config_.vocab_size) {
      throw ModelError("the tokenizer's id " + std::to_string(ids[i]) + " is outside the text encoder's vocabulary of " +
                       std::to_string(config_.vocab_size) + "; do the two folders belong together?");
    }
    to_floats(token_embedding_.view, id * config_.hidden_size, std::span(embeddings).subspan(i * config_.hidden_size, config_.hidden_size));
  }
  for (std::size_t i = 0; i < embeddings.size(); ++i) embeddings[i] += position_embedding_[i];
  Network::Run run(*network_);
  run.set("embeddings", embeddings);
  run.set("mask", causal_mask(mask));
  run.execute();
  const auto output = run.output("last_hidden_state");
  return {output.begin(), output.end()};
}

}  // namespace p2p::engine
