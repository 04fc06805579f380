#include "engine/models/clip_text.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "engine/graph/ops.hpp"

namespace p2p::engine {
namespace {

// Checkpoints of transformers before 5 have everything below "text_model.".
Scope text_root(const Weights& weights, const Scope& root) {
  return weights.has("text_model.final_layer_norm.weight") ? root / "text_model" : root;
}

// Each token attends to itself and to earlier tokens, except padding.
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

// Position of text_embeds in transformers: the first of the largest ids, or the first end token (0 if there is none).
std::size_t pooled_position(const ClipTextConfig& config, std::span<const std::int64_t> ids) {
  const auto found = config.eos_token_id == 2 ? std::ranges::max_element(ids) : std::ranges::find(ids, config.eos_token_id);
  return found == ids.end() ? 0 : static_cast<std::size_t>(found - ids.begin());
}

}  // namespace

ClipTextConfig ClipTextConfig::load(const ConfigReader& reader) {
  ClipTextConfig config;
  static_cast<ClipEncoderConfig&>(config) =
      ClipEncoderConfig::load(reader, {.hidden_size = 512, .intermediate_size = 2048, .num_hidden_layers = 12, .num_attention_heads = 8});
  config.max_position_embeddings = reader.size("max_position_embeddings", 1, 4096, 77);
  config.vocab_size = reader.size("vocab_size", 1, 1 << 20, 49408);
  config.projection_dim = reader.size("projection_dim", 1, 16384, 512);
  config.eos_token_id = reader.integer("eos_token_id", 0, 1 << 20, 49407);
  config.use_attention_mask = reader.boolean("use_attention_mask", false);
  for (const std::string& name : reader.texts("architectures", std::vector<std::string>())) {
    if (name != "CLIPTextModel" && name != "CLIPTextModelWithProjection") {
      reader.fail("architectures", "expected CLIPTextModel or CLIPTextModelWithProjection, found \"" + name + "\"");
    }
  }
  return config;
}

void build_clip_text(const ClipTextConfig& config, std::size_t length, const Scope& root, ClipTextOutputs outputs) {
  Graph& graph = root.graph();
  const auto n = static_cast<std::int64_t>(length);
  Value x = graph.input("embeddings", {1, n, static_cast<std::int64_t>(config.hidden_size)});
  const Value mask = graph.input("mask", {1, 1, n, n});
  const std::size_t from_end = outputs.skip > 0 ? outputs.skip : outputs.penultimate ? 2 : 1;
  const auto norm = [&](const Value& v) {
    return ops::layer_norm(v, config.layer_norm_eps, root / "final_layer_norm", config.hidden_size);
  };
  // These may be the input, whose name a separate node keeps unchanged.
  const auto put_out = [&](const Value& v) { graph.output("states", outputs.penultimate ? ops::mul(v, ops::scalar(1)) : norm(v)); };
  for (std::size_t i = 0; i < config.num_hidden_layers; ++i) {
    if (i + from_end == config.num_hidden_layers + 1) put_out(x);
    x = clip_encoder_layer(config, x, &mask, root / "encoder" / "layers" / i);
  }
  if (from_end == 1) put_out(x);
  // Always built, for the ledger of weights; nodes without a path to an output are not compiled.
  const Value last = norm(x);
  if (outputs.text_embeds) graph.output("last_hidden_state", last);
}

ClipText::ClipText(Component component, std::size_t length, Precision precision, int threads, ClipTextOutputs outputs,
                   LearnedTokens learned)
    : config_(ClipTextConfig::load(component.config)),
      length_(length),
      precision_(precision),
      threads_(threads),
      outputs_(outputs),
      learned_(std::move(learned)),
      weights_(std::move(component.weights)) {
  if (length > config_.max_position_embeddings) {
    component.config.fail("max_position_embeddings", "expected at least the tokenizer's model_max_length " + std::to_string(length) +
                                                         ", found " + std::to_string(config_.max_position_embeddings));
  }
  compile();
}

ClipText::ClipText(const ClipText& base, std::shared_ptr<const WeightPatches> patches, LearnedTokens learned)
    : config_(base.config_),
      length_(base.length_),
      precision_(base.precision_),
      threads_(base.threads_),
      outputs_(base.outputs_),
      learned_(std::move(learned)),
      weights_(base.weights_) {
  weights_.patch(std::move(patches));
  compile();
}

void ClipText::compile() {
  Graph graph("text encoder");
  const Scope top(weights_, graph);
  const Scope root = text_root(weights_, top);
  const Scope embeddings = root / "embeddings";
  token_embedding_ = (embeddings / "token_embedding").tensor("weight", {config_.vocab_size, config_.hidden_size});
  const auto positions = (embeddings / "position_embedding").tensor("weight", {config_.max_position_embeddings, config_.hidden_size});
  position_embedding_.resize(length_ * config_.hidden_size);
  to_floats(positions.view, 0, position_embedding_);
  build_clip_text(config_, length_, root, outputs_);
  const Scope projection = top / "text_projection";
  if (outputs_.text_embeds) {
    text_projection_ = projection.tensor("weight", {config_.projection_dim, config_.hidden_size});
  } else {
    weights_.ignore((projection / "weight").path());  // CLIPTextModel does not read it, either
  }
  weights_.ignore((embeddings / "position_ids").path());
  weights_.finish();
  network_ = std::make_unique<const Network>(graph, precision_, threads_);
}

const Network& ClipText::network_for(std::size_t skip) const {
  if (skip == 0 || skip == (outputs_.penultimate ? 2U : 1U)) return *network_;
  if (skip > config_.num_hidden_layers) {
    throw UsageError(sentence("clip_skip_out_of_range", "clip skip: the model's text encoder has {0} layers, found {1}",
                              config_.num_hidden_layers, skip));
  }
  const std::lock_guard lock(mutex_);
  auto& network = skipping_[skip];
  if (!network) {
    Weights weights = weights_;
    Graph graph("text encoder");
    ClipTextOutputs outputs = outputs_;
    outputs.skip = skip;
    build_clip_text(config_, length_, text_root(weights, Scope(weights, graph)), outputs);
    network = std::make_unique<const Network>(graph, precision_, threads_);
  }
  return *network;
}

ClipText::Encoded ClipText::encode(std::span<const std::int64_t> ids, std::span<const std::int64_t> mask, std::size_t skip) const {
  std::vector<float> embeddings(length_ * config_.hidden_size);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    embed(ids[i], std::span(embeddings).subspan(i * config_.hidden_size, config_.hidden_size));
  }
  for (std::size_t i = 0; i < embeddings.size(); ++i) embeddings[i] += position_embedding_[i];
  Network::Run run(network_for(skip));
  run.set("embeddings", embeddings);
  run.set("mask", causal_mask(mask));
  run.execute();
  const auto states = run.output("states");
  Encoded encoded{{states.begin(), states.end()}, {}};
  if (outputs_.text_embeds) {
    const auto last = run.output("last_hidden_state");
    encoded.text_embeds = project(last.subspan(pooled_position(config_, ids) * config_.hidden_size, config_.hidden_size));
  }
  return encoded;
}

void ClipText::embed(std::int64_t id, std::span<float> row) const {
  if (const auto learned = static_cast<std::size_t>(id - learned_.first_id);
      id >= learned_.first_id && learned < learned_.values.size() / row.size()) {
    std::ranges::copy(std::span(learned_.values).subspan(learned * row.size(), row.size()), row.begin());
    return;
  }
  if (static_cast<std::size_t>(id) >= config_.vocab_size) {
    throw ModelError("the tokenizer's id " + std::to_string(id) + " is outside the text encoder's vocabulary of " +
                     std::to_string(config_.vocab_size) + "; do the two folders belong together?");
  }
  to_floats(token_embedding_.view, static_cast<std::size_t>(id) * row.size(), row);
}

// On the host: one row per prompt, at a position that depends on the prompt.
std::vector<float> ClipText::project(std::span<const float> state) const {
  std::vector<float> embeds(config_.projection_dim);
  std::vector<float> row(state.size());
  for (std::size_t i = 0; i < embeds.size(); ++i) {
    to_floats(text_projection_.view, i * row.size(), row);
    embeds[i] = std::inner_product(row.begin(), row.end(), state.begin(), 0.0F);
  }
  return embeds;
}

}  // namespace p2p::engine
