#include "engine/models/wuerstchen/decoder.hpp"

#include <algorithm>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/models/wuerstchen/blocks.hpp"

namespace p2p::engine::wuerstchen {
namespace {

constexpr float kEps = 1e-6F;

std::vector<std::size_t> sizes(const std::vector<long long>& values) { return {values.begin(), values.end()}; }

std::vector<long long> integers(const std::vector<std::size_t>& values) { return {values.begin(), values.end()}; }

std::string effnet_input(std::size_t level) { return "effnet." + std::to_string(level); }

}  // namespace

/// One entry of the module lists down_blocks and up_blocks, in the order that data passes them.
struct Decoder::Block {
  char type = 'C';        ///< C: ResBlockStageB, T: TimestepBlock, A: AttnBlock, D and U: to the next level down and up
  std::size_t level = 0;  ///< where it works, or, for D and U, comes from
  std::string path;
  std::string mapper;       ///< of C: the path of its effnet mapper, or nothing
  bool joins_skip = false;  ///< of C: takes the down path's output besides
};

DecoderConfig DecoderConfig::load(const std::filesystem::path& config_file) {
  const ConfigReader reader(config_file);
  DecoderConfig config;
  config.c_in = reader.size("c_in", 1, 1024, config.c_in);
  config.c_out = reader.size("c_out", 1, 1024, config.c_out);
  config.c_r = reader.size("c_r", 4, 4096, config.c_r);
  config.patch_size = reader.size("patch_size", 1, 16, config.patch_size);
  config.c_cond = reader.size("c_cond", 1, 16384, config.c_cond);
  config.c_hidden = sizes(reader.integers("c_hidden", 1, 16384, integers(config.c_hidden)));
  config.nhead = reader.integers("nhead", -1, 1024, config.nhead);
  config.blocks = sizes(reader.integers("blocks", 1, 512, integers(config.blocks)));
  config.level_config = reader.texts("level_config", config.level_config);
  config.inject_effnet = reader.booleans("inject_effnet", config.inject_effnet);
  config.effnet_embd = reader.size("effnet_embd", 1, 1024, config.effnet_embd);
  config.clip_embd = reader.size("clip_embd", 1, 16384, config.clip_embd);
  config.kernel_size = reader.size("kernel_size", 1, 31, config.kernel_size);

  if (config.levels() == 0 || config.levels() > 8)
    reader.fail("c_hidden", "expected 1 to 8 levels, found " + std::to_string(config.levels()));
  const auto one_a_level = [&](std::string_view key, std::size_t count) {
    if (count != config.levels()) {
      reader.fail(key, "expected one entry for each of the " + std::to_string(config.levels()) + " levels of c_hidden, found " +
                           std::to_string(count));
    }
  };
  one_a_level("nhead", config.nhead.size());
  one_a_level("blocks", config.blocks.size());
  one_a_level("level_config", config.level_config.size());
  one_a_level("inject_effnet", config.inject_effnet.size());
  if (config.c_in != config.c_out)
    reader.fail("c_out", "expected c_in " + std::to_string(config.c_in) + ", found " + std::to_string(config.c_out));
  if (config.kernel_size % 2 == 0) reader.fail("kernel_size", "expected an odd number, found " + std::to_string(config.kernel_size));
  for (std::size_t i = 0; i < config.levels(); ++i) {
    const std::string& types = config.level_config[i];
    if (types.empty() || types.size() > 16 || types.find_first_not_of("CTA") != std::string::npos) {
      reader.fail("level_config", "expected 1 to 16 of the letters C, T and A, found " + excerpt(Json(types)));
    }
    const long long heads = config.nhead[i];
    if (types.contains('A') && (heads < 1 || static_cast<std::size_t>(heads) > config.c_hidden[i])) {
      reader.fail("nhead",
                  "expected 1 to " + std::to_string(config.c_hidden[i]) + " for a level with attention, found " + std::to_string(heads));
    }
  }
  return config;
}

Decoder::Decoder(const std::filesystem::path& folder, Precision precision)
    : Decoder(DecoderConfig::load(folder / "config.json"), Weights(folder), precision) {}

Decoder::Decoder(const DecoderConfig& config, Weights weights, Precision precision)
    : config_(config), weights_(std::move(weights)), precision_(precision) {
  const auto side = static_cast<std::int64_t>(config_.size_multiple());
  const LatentShape smallest{.batch = 1, .height = side, .width = side, .tokens = 1};
  text_graph(smallest);
  attention_graphs(smallest);
  time_graph(smallest);
  step_graph(smallest);
  weights_.finish();
  checked_ = true;
}

std::vector<Decoder::Block> Decoder::blocks() const {
  std::vector<Block> list;
  const std::size_t levels = config_.levels();
  const auto add_level = [&](std::size_t level, bool up) {
    const std::size_t place = up ? levels - 1 - level : level;
    const std::string path = (up ? "up_blocks." : "down_blocks.") + std::to_string(place) + ".";
    std::size_t index = !up && level > 0 ? 1 : 0;
    if (index == 1) list.push_back({'D', level - 1, path + "0", {}, false});
    const std::string mapper = config_.inject_effnet[level] ? "effnet_mappers." + std::to_string(up ? levels + place : place) : "";
    const bool joins = up && level + 1 < levels;
    for (std::size_t j = 0; j < config_.blocks[level]; ++j) {
      for (std::size_t k = 0; k < config_.level_config[level].size(); ++k, ++index) {
        const char type = config_.level_config[level][k];
        list.push_back({type, level, path + std::to_string(index), type == 'C' ? mapper : "", type == 'C' && joins && j == 0 && k == 0});
      }
    }
    if (up && level > 0) list.push_back({'U', level, path + std::to_string(index), {}, false});
  };
  for (std::size_t level = 0; level < levels; ++level) add_level(level, false);
  for (std::size_t level = levels; level-- > 0;) add_level(level, true);
  return list;
}

std::optional<Graph> Decoder::text_graph(const LatentShape& shape) {
  Graph graph("decoder text", Graph::WeightUse::streamed);
  const Scope root(weights_, graph);
  const Value text = graph.input("text", {shape.batch, shape.tokens, static_cast<std::int64_t>(config_.clip_embd)});
  const Value mapped = ops::linear(text, root / "clip_mapper", {.in = config_.clip_embd, .out = config_.c_cond});
  graph.output("embedding", ops::layer_norm(mapped, kEps));
  return graph;
}

std::vector<Graph> Decoder::attention_graphs(const LatentShape& shape) {
  std::vector<Graph> graphs;
  for (const Block& block : blocks()) {
    if (block.type != 'A') continue;
    graphs.push_back(attn_block_text(weights_, block.path, config_.c_cond, config_.c_hidden[block.level],
                                     static_cast<std::size_t>(config_.nhead[block.level]), {.batch = shape.batch, .tokens = shape.tokens}));
  }
  return graphs;
}

Graph Decoder::time_graph(const LatentShape& /*shape*/) {
  Graph graph("decoder time", Graph::WeightUse::streamed);
  const Scope root(weights_, graph);
  TimeTableWriter times(graph, config_.c_r);
  for (const Block& block : blocks()) {
    if (block.type == 'T') times.timestep_block(root / block.path, config_.c_hidden[block.level]);
  }
  times.finish();
  return graph;
}

std::vector<float> Decoder::time_embedding(float time) const { return wuerstchen::time_embedding(time, config_.c_r); }

Decoder::Folded Decoder::fold(const Scope& linear, const Scope& mapper, std::size_t in, std::size_t out) {
  const std::size_t width = config_.c_cond;
  const std::size_t embd = config_.effnet_embd;
  const auto weight = linear.tensor("weight", {out, in + width});
  const auto bias = linear.tensor("bias", {out});
  const auto map_weight = mapper.tensor("weight", {width, embd, 1, 1});
  const auto map_bias = mapper.tensor("bias", {width});
  const DType dtype = precision_ == Precision::bf16 ? DType::bf16 : DType::f32;
  // Until every shape has been checked the first graph only asks for its weights.
  if (!checked_) return {allocate_tensor(dtype, {out, in + embd}), std::vector<float>(out)};
  const auto [place, added] = folded_.try_emplace(linear.path());
  Folded& result = place->second;
  if (!added) return result;

  result = {allocate_tensor(dtype, {out, in + embd}), to_floats(bias.view)};
  const std::vector<float> map = to_floats(map_weight.view);
  const std::vector<float> shift = to_floats(map_bias.view);
  std::vector<float> row(in + width);
  std::vector<float> narrow(in + embd);
  auto* const memory = const_cast<std::byte*>(result.weight.view.data.data());  // allocated above, for writing
  for (std::size_t o = 0; o < out; ++o) {
    to_floats(weight.view, o * row.size(), row);
    std::ranges::copy_n(row.begin(), static_cast<std::ptrdiff_t>(in), narrow.begin());
    std::fill(narrow.begin() + static_cast<std::ptrdiff_t>(in), narrow.end(), 0.0F);
    for (std::size_t j = 0; j < width; ++j) {
      const float w = row[in + j];
      for (std::size_t e = 0; e < embd; ++e) narrow[in + e] += w * map[j * embd + e];
      result.bias[o] += w * shift[j];
    }
    from_floats(narrow, dtype, memory + o * narrow.size() * size_of(dtype));
  }
  return result;
}

/// Builds the blocks of a step graph one after the other.
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
    std::map<std::size_t, Value> skips;
    for (const Block& block : decoder_.blocks()) {
      const Scope scope = root_ / block.path;
      const std::size_t c = config_.c_hidden[block.level];
      if (block.type == 'T') {
        x = times_.timestep_block(x);
      } else if (block.type == 'A') {
        x = attn_block(x, scope, c, static_cast<std::size_t>(config_.nhead[block.level]), {.batch = shape_.batch, .tokens = shape_.tokens});
      } else if (block.type == 'D') {
        skips[block.level] = x;
        x = ops::to_channels_last(ops::conv2d(ops::to_channels_first(ops::layer_norm(x, kEps)), scope / 1,
                                              {.in = c, .out = config_.c_hidden[block.level + 1]}, {.kernel = 2, .stride = 2}));
      } else if (block.type == 'U') {
        x = ops::to_channels_last(ops::conv_transpose2d(ops::to_channels_first(ops::layer_norm(x, kEps)), scope / 1,
                                                        {.in = c, .out = config_.c_hidden[block.level - 1]}, {.kernel = 2, .stride = 2}));
      } else {
        x = res_block(x, scope, block, block.joins_skip ? skips.at(block.level) : Value());
      }
    }
    return x;
  }

 private:
  std::vector<std::size_t> time_channels() const {
    std::vector<std::size_t> channels;
    for (const Block& block : decoder_.blocks()) {
      if (block.type == 'T') channels.push_back(config_.c_hidden[block.level]);
    }
    return channels;
  }

  /// ResBlockStageB.
  Value res_block(const Value& x, const Scope& scope, const Block& block, const Value& skip) {
    const std::size_t c = config_.c_hidden[block.level];
    const Value local = depthwise(x, scope, c, config_.kernel_size);
    std::vector<Value> parts{ops::layer_norm(local, kEps)};
    std::size_t in = c;
    if (block.joins_skip) {
      parts.push_back(skip);
      in += c;
    }
    const Scope channelwise = scope / "channelwise";
    Value h;
    if (block.mapper.empty()) {
      h = ops::linear(parts.size() > 1 ? ops::concat(parts, 3) : parts[0], channelwise / 0, {.in = in, .out = 4 * c});
    } else {
      const Folded folded = decoder_.fold(channelwise / 0, root_ / block.mapper, in, 4 * c);
      parts.push_back(effnet_.at(block.level));
      const Value weight = graph_.weight(folded.weight, (channelwise / 0).path(), {4 * c, in + config_.effnet_embd});
      h = ops::linear(ops::concat(parts, 3), weight, ops::constant(folded.bias, {4 * c}));
    }
    h = ops::global_response_norm(ops::gelu(h), channelwise / 2, 4 * c);
    return ops::add(x, ops::linear(h, channelwise / 4, {.in = 4 * c, .out = c}));
  }

  Decoder& decoder_;
  const DecoderConfig& config_;
  Graph& graph_;
  Scope root_;
  LatentShape shape_;
  TimeTableReader times_;
  std::map<std::size_t, Value> effnet_;
};

Graph Decoder::step_graph(const LatentShape& shape) {
  Graph graph("decoder");
  const Scope root(weights_, graph);
  const auto patch = static_cast<std::int64_t>(config_.patch_size);
  const auto c_out = static_cast<std::int64_t>(config_.c_out);
  const std::size_t cell = config_.patch_size * config_.patch_size;
  const std::size_t c = config_.c_hidden[0];
  const Value latents = graph.input("x", {shape.batch, static_cast<std::int64_t>(config_.c_in), shape.height, shape.width});
  const Value patches = ops::pixel_unshuffle(latents, patch);
  const Value embedded =
      ops::layer_norm(ops::pointwise_conv2d(patches, root / "embedding" / 1, {.in = config_.c_in * cell, .out = c}), kEps);
  const Value x = StepBuilder(*this, graph, shape).build(embedded);
  const Value head = ops::pointwise_conv2d(ops::layer_norm(x, kEps), root / "clf" / 1, {.in = c, .out = 2 * config_.c_out * cell});
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
