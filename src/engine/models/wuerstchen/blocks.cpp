#include "engine/models/wuerstchen/blocks.hpp"

#include <algorithm>
#include <cmath>

namespace p2p::engine::wuerstchen {
namespace {

constexpr float kEps = 1e-6F;

// The part of diffusers' Attention whose width is a multiple of the heads.
ops::Features to_heads(std::size_t c, std::size_t heads) { return {.in = c, .out = c / heads * heads}; }

float cubic(float x) {
  constexpr float a = -0.5F;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

struct Taps {
  std::size_t first = 0;
  std::vector<float> weights;
};

// torch's upsample_bicubic2d_aa: the kernel is stretched where the axis shrinks, and centred without align_corners' half-pixel shift.
std::vector<Taps> resize_taps(std::size_t from, std::size_t to) {
  const float scale = to > 1 ? static_cast<float>(from - 1) / static_cast<float>(to - 1) : 0.0F;
  const float stretch = std::max(scale, 1.0F);
  const float support = 2 * stretch;
  std::vector<Taps> taps(to);
  for (std::size_t i = 0; i < to; ++i) {
    const float centre = scale * (static_cast<float>(i) + 0.5F);
    const float left = centre - support + 0.5F;
    const float right = centre + support + 0.5F;
    const long first = std::max(static_cast<long>(left), 0L);
    const long last = std::min(static_cast<long>(right), static_cast<long>(from));
    taps[i].first = static_cast<std::size_t>(first);
    float sum = 0;
    for (long j = first; j < last; ++j) {
      taps[i].weights.push_back(cubic((static_cast<float>(j) - centre + 0.5F) / stretch));
      sum += taps[i].weights.back();
    }
    for (float& weight : taps[i].weights) weight /= sum;
  }
  return taps;
}

}  // namespace

std::vector<float> time_embedding(float ratio, std::size_t c_r) {
  constexpr float kMaxPositions = 10000;
  const std::size_t half = c_r / 2;
  const float decay = static_cast<float>(std::log(10000.0) / (static_cast<double>(half) - 1));
  std::vector<float> embedding(c_r);  // odd widths end in a zero
  for (std::size_t i = 0; i < half; ++i) {
    const float angle = ratio * kMaxPositions * std::exp(-decay * static_cast<float>(i));
    embedding[i] = std::sin(angle);
    embedding[half + i] = std::cos(angle);
  }
  return embedding;
}

TimeTableWriter::TimeTableWriter(Graph& graph, std::size_t c_r)
    : graph_(&graph), c_r_(c_r), embedding_(graph.input("embedding", {1, static_cast<std::int64_t>(c_r)})) {}

void TimeTableWriter::timestep_block(const Scope& scope, std::size_t c) {
  const auto n = static_cast<std::int64_t>(c);
  const auto parts = ops::split(ops::linear(embedding_, scope / "mapper", {.in = c_r_, .out = 2 * c}), 1, {n, n});
  parts_.push_back(ops::add(parts[0], ops::scalar(1.0F)));
  parts_.push_back(parts[1]);
}

void TimeTableWriter::finish() {
  if (parts_.empty()) parts_.push_back(ops::split(embedding_, 1, {1, static_cast<std::int64_t>(c_r_) - 1})[0]);  // unused
  graph_->output("time", ops::concat(parts_, 1));
}

TimeTableReader::TimeTableReader(Graph& graph, const std::vector<std::size_t>& channels) {
  std::vector<std::int64_t> sizes;
  std::int64_t total = 0;
  for (const std::size_t c : channels) {
    sizes.insert(sizes.end(), 2, static_cast<std::int64_t>(c));
    total += 2 * sizes.back();
  }
  const Value row = graph.input("time", {1, std::max<std::int64_t>(total, 1)});
  if (sizes.empty()) return;
  for (const Value& part : ops::split(row, 1, sizes)) parts_.push_back(ops::reshape(part, {1, 1, 1, -1}));
}

Value TimeTableReader::timestep_block(const Value& x) {
  const Value& scale = parts_.at(next_++);
  const Value& shift = parts_.at(next_++);
  return ops::add(ops::mul(x, scale), shift);
}

Value depthwise(const Value& x, const Scope& scope, std::size_t c, std::size_t kernel) {
  const Value map = ops::depthwise_conv2d(ops::to_channels_first(x), scope / "depthwise", c, {.kernel = kernel, .padding = kernel / 2});
  return ops::to_channels_last(map);
}

Value res_block(const Value& x, const Scope& scope, std::size_t c) {
  const Scope channelwise = scope / "channelwise";
  Value h = ops::layer_norm(depthwise(x, scope, c, 3), kEps);
  h = ops::gelu(ops::linear(h, channelwise / 0, {.in = c, .out = 4 * c}));
  h = ops::global_response_norm(h, channelwise / 2, 4 * c);
  return ops::add(x, ops::linear(h, channelwise / 4, {.in = 4 * c, .out = c}));
}

Graph attn_block_text(Weights& weights, const std::string& path, std::size_t c_cond, std::size_t c, std::size_t heads, AttnShape shape) {
  Graph graph(path, Graph::WeightUse::streamed);
  const Scope scope(weights, graph, path);
  const Value embedding = graph.input("embedding", {shape.batch, shape.tokens, static_cast<std::int64_t>(c_cond)});
  const Value kv = ops::linear(ops::silu(embedding), scope / "kv_mapper" / 1, {.in = c_cond, .out = c});
  const auto project = [&](const char* name) {
    return ops::split_heads(ops::linear(kv, scope / "attention" / name, to_heads(c, heads)), heads);
  };
  graph.output("k", project("to_k"));
  graph.output("v", project("to_v"));
  return graph;
}

Value attn_block(const Value& x, const Scope& scope, std::size_t c, std::size_t heads, AttnShape shape) {
  const auto& map = x.get_shape();
  const ov::PartialShape text_shape{shape.batch, static_cast<std::int64_t>(heads), shape.tokens, static_cast<std::int64_t>(c / heads)};
  const Value text_k = scope.graph().input(scope.path() + ".k", text_shape);
  const Value text_v = scope.graph().input(scope.path() + ".v", text_shape);
  const Value pixels = ops::reshape(ops::layer_norm(x, kEps), {0, -1, static_cast<std::int64_t>(c)});
  const Scope attention = scope / "attention";
  const auto project = [&](const char* name) { return ops::split_heads(ops::linear(pixels, attention / name, to_heads(c, heads)), heads); };
  const Value attended =
      ops::attention(project("to_q"), ops::concat({project("to_k"), text_k}, 2), ops::concat({project("to_v"), text_v}, 2));
  const Value out = ops::linear(attended, attention / "to_out" / 0, {.in = c / heads * heads, .out = c});
  return ops::add(
      x, ops::reshape(out, {0, static_cast<std::int64_t>(map[1]), static_cast<std::int64_t>(map[2]), static_cast<std::int64_t>(c)}));
}

std::vector<float> resize_bicubic_antialiased(std::span<const float> planes, std::size_t channels, std::size_t h, std::size_t w,
                                              std::size_t to_h, std::size_t to_w) {
  const auto columns = resize_taps(w, to_w);
  const auto rows = resize_taps(h, to_h);
  std::vector<float> result(to_h * to_w * channels);
  std::vector<float> widened(h * to_w);
  for (std::size_t c = 0; c < channels; ++c) {
    const auto plane = planes.subspan(c * h * w, h * w);
    for (std::size_t y = 0; y < h; ++y) {
      for (std::size_t x = 0; x < to_w; ++x) {
        float sum = 0;
        for (std::size_t j = 0; j < columns[x].weights.size(); ++j) sum += columns[x].weights[j] * plane[y * w + columns[x].first + j];
        widened[y * to_w + x] = sum;
      }
    }
    for (std::size_t y = 0; y < to_h; ++y) {
      for (std::size_t x = 0; x < to_w; ++x) {
        float sum = 0;
        for (std::size_t j = 0; j < rows[y].weights.size(); ++j) sum += rows[y].weights[j] * widened[(rows[y].first + j) * to_w + x];
        result[(y * to_w + x) * channels + c] = sum;
      }
    }
  }
  return result;
}

}  // namespace p2p::engine::wuerstchen
