#include "engine/graph/network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <openvino/op/matmul.hpp>

#include "base/error.hpp"
#include "engine/graph/compiled_networks.hpp"
#include "engine/graph/ops.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using golden::Checkpoint;
using golden::error_of;
using golden::near;

constexpr double kExact = 1e-6;

/// -5, 2, 9 mod 11 ...: the inputs and weights from which torch made the numbers below.
std::vector<float> ramp(std::size_t count, int start = 0) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>((start + static_cast<int>(i)) * 7 % 11 - 5);
  return values;
}

std::vector<float> iota(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

/// What `op` makes of `values`, seen as `shape`.
template <typename Op>
std::vector<float> apply(const std::vector<float>& values, const ov::PartialShape& shape, Op op) {
  Graph graph("test");
  graph.output("y", op(graph.input("x", shape)));
  return golden::run(graph, {{"x", values}}, {"y"}).at("y");
}

/// The same for one that reads weights.
template <typename Op>
std::vector<float> apply(Weights weights, const std::vector<float>& values, const ov::PartialShape& shape, Op op,
                         Graph::WeightUse use = Graph::WeightUse::packed) {
  Graph graph("test", use);
  graph.output("y", op(graph.input("x", shape), Scope(weights, graph, "m")));
  return golden::run(graph, {{"x", values}}, {"y"}).at("y");
}

/// m.weight and m.bias.
Checkpoint layer(const Shape& weight, std::size_t bias, DType dtype = DType::f32) {
  const std::size_t count = std::accumulate(weight.begin(), weight.end(), std::size_t{1}, std::multiplies<>());
  return Checkpoint().add("m.weight", weight, ramp(count, 3), dtype).add("m.bias", {bias}, ramp(bias, 1), dtype);
}

TEST(Ops, Activations) {
  const std::vector<float> x{-4, -1.5F, -0.5F, 0, 0.5F, 1, 3};
  const auto of = [&](auto op) { return apply(x, {7}, op); };
  EXPECT_TRUE(near(of(ops::gelu), std::vector{-0.0001265F, -0.1002109F, -0.1542688F, 0.0F, 0.3457312F, 0.8413447F, 2.9959497F}, kExact));
  EXPECT_TRUE(
      near(of(ops::quick_gelu), std::vector{-0.0044147F, -0.1083378F, -0.1496116F, 0.0F, 0.3503884F, 0.8457958F, 2.9819288F}, kExact));
  EXPECT_TRUE(near(of(ops::silu), std::vector{-0.0719448F, -0.2736383F, -0.1887703F, 0.0F, 0.3112297F, 0.7310586F, 2.8577225F}, kExact));
  EXPECT_TRUE(near(of(ops::sigmoid), std::vector{0.0179862F, 0.1824255F, 0.3775407F, 0.5F, 0.6224594F, 0.7310586F, 0.9525741F}, kExact));
  EXPECT_TRUE(
      near(of([](const Value& v) { return ops::leaky_relu(v, 0.2F); }), std::vector{-0.8F, -0.3F, -0.1F, 0.0F, 0.5F, 1.0F, 3.0F}, kExact));
}

TEST(Ops, Norms) {
  const auto plain = apply(ramp(6), {2, 3}, [](const Value& x) { return ops::layer_norm(x, 1e-2F); });
  EXPECT_TRUE(near(plain, std::vector{-1.1617702F, 1.2779471F, -0.116177F, 1.2241712F, 0.0F, -1.2241712F}, kExact));
  const auto weighted =
      apply(layer({3}, 3).weights(), ramp(6), {2, 3}, [](const Value& x, const Scope& m) { return ops::layer_norm(x, 1e-2F, m, 3); });
  EXPECT_TRUE(near(weighted, std::vector{-3.8088512F, -0.7220529F, 5.3485312F, 8.1208553F, -2.0F, 8.672514F}, kExact));
  Weights grn = Checkpoint().add("m.gamma", {1, 1, 1, 3}, ramp(3, 3)).add("m.beta", {1, 1, 1, 3}, ramp(3, 1)).weights();
  const auto response =
      apply(std::move(grn), ramp(12), {1, 2, 2, 3}, [](const Value& x, const Scope& m) { return ops::global_response_norm(x, m, 3); });
  EXPECT_TRUE(near(response,
                   std::vector{-38.1886139F, 0.7962275F, 10.1660461F, 42.1886139F, -0.6018863F, 12.7490692F, 34.1508942F, -2.0F,
                               15.3320923F, 26.1131687F, -3.3981137F, 17.9151154F},
                   kExact));
}

/// Checks with maps and numbers channels last, the convolution between them channels first.
template <typename Op>
testing::AssertionResult convolves(const Checkpoint& weights, const Shape& shape, Op op, const std::vector<float>& expected) {
  const std::size_t count = std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
  const auto between = [&](const Value& x, const Scope& m) { return ops::to_channels_last(op(ops::to_channels_first(x), m)); };
  return near(apply(weights.weights(), ramp(count), ov::Shape(shape), between), expected, kExact);
}

/// Small networks are compiled without the plugin's fused operations, large ones with them.
TEST(Network, LargeOnesComputeAsSmallOnesDo) {
  constexpr std::size_t kHeads = 8;
  constexpr std::size_t kRows = 1024;
  constexpr std::size_t kWidth = 64;
  const auto attend = [](const Value& x) {
    const Value q = ops::mul(ops::gelu(x), ops::scalar(0.25F));
    return ops::add(ops::mul(ops::attention(q, x, ops::silu(x)), ops::scalar(2.0F)), ops::scalar(1.0F));
  };
  std::vector<float> values(kHeads * kRows * kWidth);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 7919 % 1009) / 504 - 1;
  const std::vector<float> large = apply(values, {1, kHeads, kRows, kWidth}, attend);
  for (std::size_t head = 0; head < kHeads; ++head) {
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(head * kRows * kWidth);
    const std::vector<float> small = apply({from, from + kRows * kWidth}, {1, 1, kRows, kWidth}, attend);
    std::vector<float> same;
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto at = large.begin() + static_cast<std::ptrdiff_t>((row * kHeads + head) * kWidth);
      same.insert(same.end(), at, at + kWidth);
    }
    EXPECT_TRUE(near(small, same, 1e-5)) << head;
  }
}

TEST(Ops, LinearLayers) {
  const std::vector<float> expected{-15, -14, 37, 30};
  const auto linear = [](const Value& x, const Scope& m) { return ops::linear(x, m, {.in = 3, .out = 2}); };
  EXPECT_TRUE(near(apply(layer({2, 3}, 2).weights(), ramp(6), {2, 3}, linear), expected, kExact));
  const auto pointwise = [](const Value& x, const Scope& m) { return ops::pointwise_conv2d(x, m, {.in = 3, .out = 2}); };
  EXPECT_TRUE(near(apply(layer({2, 3, 1, 1}, 2).weights(), ramp(6), {1, 1, 2, 3}, pointwise), expected, kExact));
}

TEST(Ops, Convolutions) {
  EXPECT_TRUE(convolves(
      layer({3, 2, 2, 2}, 3), {1, 3, 4, 2},
      [](const Value& x, const Scope& m) { return ops::conv2d(x, m, {.in = 2, .out = 3}, {.kernel = 2, .stride = 2, .padding = 1}); },
      {-20, -27, 32, 30, 27, 24, -10, -10, 1, -30, -34, 6, 8, 7, -27, 48, -8, 2}));
  EXPECT_TRUE(convolves(layer({2, 1, 3, 3}, 2), {1, 3, 4, 2},
                        [](const Value& x, const Scope& m) { return ops::depthwise_conv2d(x, m, 2, {.kernel = 3, .padding = 1}); },
                        {19, -15, -43, -13, -52, 23, 7, -9, 10, -38, -76, 0, -21, 29, 33, -21, 1, -61, -49, 16, 4, 4, 29, -15}));
}

TEST(Ops, TransposedConvolutions) {
  EXPECT_TRUE(
      convolves(layer({2, 3, 2, 2}, 3), {1, 2, 2, 2},
                [](const Value& x, const Scope& m) { return ops::conv_transpose2d(x, m, {.in = 2, .out = 3}, {.kernel = 2, .stride = 2}); },
                {-21, -10, 34, -9, 24,  -9, -3, -22, 25,  -15, 21,  -9, 25,  -19, 25,  -18, -7, -18, 28,  -13, 34, -6, -25, 0,
                 4,   10,  -6, 12, -15, 13, 22, -2,  -15, 6,   -18, 13, -13, 4,   -12, 6,   12, 7,   -10, 10,  -3, 18, -6,  25}));
  EXPECT_TRUE(convolves(layer({2, 1, 4, 4}, 1), {1, 2, 2, 2},
                        [](const Value& x, const Scope& m) {
                          return ops::conv_transpose2d(x, m, {.in = 2, .out = 1}, {.kernel = 4, .stride = 2, .padding = 1});
                        },
                        {18, 7, 7, 21, -8, 27, 8, -6, 17, -27, -13, -19, -8, -20, 27, -6}));
}

TEST(Ops, PixelOrder) {
  EXPECT_EQ(apply(iota(16), {1, 2, 4, 2}, [](const Value& x) { return ops::pixel_unshuffle(x, 2); }),
            (std::vector<float>{0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15}));
  EXPECT_EQ(apply(iota(16), {1, 1, 2, 8}, [](const Value& x) { return ops::pixel_shuffle(x, 2); }),
            (std::vector<float>{0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15}));
  EXPECT_EQ(apply(iota(8), {1, 2, 2, 2}, [](const Value& x) { return ops::replication_pad2d(x, 1); }),
            (std::vector<float>{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3, 4, 4, 5, 5, 4, 4, 5, 5, 6, 6, 7, 7, 6, 6, 7, 7}));
  EXPECT_EQ(apply(iota(8), {1, 2, 2, 2}, ops::to_channels_first), (std::vector<float>{0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(apply(iota(8), {1, 2, 2, 2}, ops::to_channels_last), (std::vector<float>{0, 4, 1, 5, 2, 6, 3, 7}));
  EXPECT_EQ(apply(iota(8), {1, 2, 4}, [](const Value& x) { return ops::split_heads(x, 2); }), (std::vector<float>{0, 1, 4, 5, 2, 3, 6, 7}));
}

TEST(Ops, Attention) {
  const auto heads = [](std::vector<float> values, std::size_t length, float divisor) {
    for (float& value : values) value /= divisor;
    return ops::split_heads(ops::constant(values, {1, length, 4}), 2);
  };
  // The queries come as an input, so that the node is computed by the kernel and not when the graph is compiled.
  const auto attention = [&](const Value& mask) {
    std::vector<float> q = ramp(8);
    for (float& value : q) value /= 4;
    return apply(q, {1, 2, 4}, [&](const Value& x) {
      const Value k = heads(ramp(12, 3), 3, 4);
      const Value v = heads(ramp(12, 1), 3, 1);
      return mask.get_node() ? ops::attention(ops::split_heads(x, 2), k, v, mask) : ops::attention(ops::split_heads(x, 2), k, v);
    });
  };
  EXPECT_TRUE(near(attention({}),
                   std::vector{2.0196221F, -0.3251851F, -0.3033634F, 1.0715504F, -0.3136749F, 1.1735436F, -0.1902579F, -1.6070356F},
                   kExact));
  const Value mask = ops::constant(std::vector{0.0F, -3e38F, 0.0F, 0.0F, 0.0F, -1.0F}, {1, 1, 2, 3});
  EXPECT_TRUE(near(attention(mask),
                   std::vector{2.9087193F, -1.0912807F, -0.3309716F, 1.5330971F, -0.7404931F, 1.4535071F, 0.648195F, -2.2358284F}, kExact));
}

TEST(Network, StreamedAndPackedWeightsOfEveryTypeGiveTheSame) {
  const auto linear = [](const Value& x, const Scope& m) { return ops::linear(x, m, {.in = 40, .out = 24}); };
  std::string halves;  // f16 of the same small integers
  for (const float value : ramp(std::size_t{24} * 40, 3)) {
    const auto bits =
        static_cast<std::uint16_t>(value == 0 ? 0
                                              : (value < 0 ? 0x8000 : 0) | ((std::ilogb(value) + 15) << 10) |
                                                    static_cast<int>((std::abs(value) / std::exp2(std::ilogb(value)) - 1) * 1024));
    halves += {static_cast<char>(bits & 255), static_cast<char>(bits >> 8)};
  }
  const std::vector<float> expected = apply(layer({24, 40}, 24).weights(), ramp(80), {2, 40}, linear);
  for (const auto use : {Graph::WeightUse::packed, Graph::WeightUse::streamed}) {
    EXPECT_EQ(apply(layer({24, 40}, 24).weights(), ramp(80), {2, 40}, linear, use), expected);
    EXPECT_EQ(apply(layer({24, 40}, 24, DType::bf16).weights(), ramp(80), {2, 40}, linear, use), expected);
    EXPECT_EQ(apply(layer({24, 40}, 24).add_bytes("m.weight", {24, 40}, halves, DType::f16).weights(), ramp(80), {2, 40}, linear, use),
              expected);
  }
}

TEST(Network, CountsMultiplyAdds) {
  Weights weights = Weights::zeros();
  Graph graph("test");
  const Scope scope(weights, graph);
  const Value x = graph.input("x", {1, 8, 4, 6});
  const Value y = ops::conv2d(x, scope / "conv", {.in = 8, .out = 16}, {.kernel = 3, .padding = 1});
  const Value z = ops::conv_transpose2d(ops::depthwise_conv2d(y, scope / "depthwise", 16, {.kernel = 3, .padding = 1}), scope / "up",
                                        {.in = 16, .out = 8}, {.kernel = 2, .stride = 2});
  const Value pixels =
      ops::split_heads(ops::linear(ops::reshape(ops::to_channels_last(z), {1, -1, 8}), scope / "linear", {.in = 8, .out = 8}), 2);
  graph.output("y", ops::attention(pixels, pixels, pixels));
  EXPECT_EQ(Network(graph, Precision::f32, 1).multiply_adds(),
            24 * 16 * 8 * 9 + 24 * 16 * 9 + 24 * 16 * 8 * 4 + 96 * 8 * 8 + 2 * 96 * 96 * 8);
}

TEST(Network, GraphsBuiltAlikeRunOnOneNetwork) {
  Weights weights = Checkpoint()
                        .add("one.weight", {2, 2}, std::array{1.0F, 2.0F, 3.0F, 4.0F})
                        .add("one.bias", {2}, std::array{10.0F, 20.0F})
                        .add("two.weight", {2, 2}, std::array{5.0F, 6.0F, 7.0F, 8.0F})
                        .add("two.bias", {2}, std::array{30.0F, 40.0F})
                        .weights();
  const auto layer_at = [&](const std::string& path) {
    Graph graph(path, Graph::WeightUse::streamed);
    graph.output("y", ops::linear(graph.input("x", {1, 2}), Scope(weights, graph, path), {.in = 2, .out = 2}));
    return graph;
  };
  const Graph one = layer_at("one");
  const Graph two = layer_at("two");
  EXPECT_EQ(one.signature(), two.signature());
  EXPECT_THAT(one.signature(), testing::AllOf(testing::HasSubstr("[2, 2]"), testing::HasSubstr("[2]")));
  const Network network(one, Precision::f32, 1);
  Network::Run run(network);
  run.set("x", std::array{1.0F, 1.0F});
  for (const auto& [graph, expected] : {std::pair(&two, std::vector{41.0F, 55.0F}), std::pair(&one, std::vector{13.0F, 27.0F})}) {
    run.stream_weights_of(*graph);
    run.execute();
    EXPECT_THAT(run.output("y"), testing::ElementsAreArray(expected));
  }
}

/// Whose names are the very bytes that they name.
class MemoryNetworks : public CompiledNetworks {
 public:
  std::string name_of(const std::function<void(const Sink&)>& write) override {
    std::string name;
    write([&](std::string_view bytes) { name += bytes; });
    return name;
  }
  bool load(const std::string& name, const std::function<void(const std::shared_ptr<std::string>&)>& read) override {
    const auto found = kept.find(name);
    if (found == kept.end()) return false;
    try {
      read(std::make_shared<std::string>(found->second));
      ++loaded;
      return true;
    } catch (const std::exception&) {
      ++unreadable;
      return false;
    }
  }
  void save(const std::string& name, const std::function<std::string()>& bytes) override { kept[name] = bytes(); }

  std::map<std::string, std::string> kept;
  int loaded = 0;
  int unreadable = 0;
};

class KeptNetworks : public ::testing::Test {
 protected:
  void SetUp() override { keep_networks_in(networks); }
  void TearDown() override { keep_networks_in(nullptr); }

  /// x times the first matrix, plus the others.
  static std::vector<float> compute(const std::vector<std::vector<float>>& matrices, Precision precision = Precision::f32,
                                    int threads = 1) {
    Checkpoint checkpoint;
    for (std::size_t i = 0; i < matrices.size(); ++i) checkpoint.add(std::to_string(i), {2, 2}, matrices[i]);
    Weights weights = checkpoint.weights();
    Graph graph("test");
    const auto matrix = [&](std::size_t i) { return graph.weight(weights.get(std::to_string(i), {2, 2}), std::to_string(i), {2, 2}); };
    Value y = std::make_shared<ov::op::v0::MatMul>(graph.input("x", {2, 2}), matrix(0));
    for (std::size_t i = 1; i < matrices.size(); ++i) y = ops::add(y, matrix(i));
    graph.output("y", y);
    const Network network(graph, precision, threads);
    Network::Run run(network);
    run.set("x", std::array{1.0F, 0.0F, 0.0F, 1.0F});
    run.execute();
    const auto values = run.output("y");
    return {values.begin(), values.end()};
  }

  const std::shared_ptr<MemoryNetworks> networks = std::make_shared<MemoryNetworks>();
};

TEST_F(KeptNetworks, ComputeTheSame) {
  const std::vector<std::vector<float>> matrices{{1, 2, 3, 4}, {10, 20, 30, 40}};
  const auto expected = testing::ElementsAre(11, 22, 33, 44);
  EXPECT_THAT(compute(matrices), expected);
  EXPECT_EQ(networks->kept.size(), 1u);
  EXPECT_EQ(networks->loaded, 0);
  compute({{0, 0, 0, 0}});  // what OpenVINO has counted by then makes no difference
  EXPECT_THAT(compute(matrices), expected);
  EXPECT_EQ(networks->kept.size(), 2u);
  EXPECT_EQ(networks->loaded, 1);
  keep_networks_in(nullptr);
  EXPECT_THAT(compute(matrices), expected);
  EXPECT_EQ(networks->loaded, 1);
}

TEST_F(KeptNetworks, OtherNetworksAreOthers) {
  const std::vector<float> a{1, 2, 3, 4};
  const std::vector<float> b{1, 2, 3, 5};
  std::size_t count = 0;
  for (const auto& matrices :
       std::vector<std::vector<std::vector<float>>>{{a}, {b}, {a, b, a}, {a, b, b}, {b, a, a}, {b, a, b}, {b, b, a}}) {
    std::vector<float> sum(4, 0);
    for (const auto& matrix : matrices) std::ranges::transform(sum, matrix, sum.begin(), std::plus());
    for (int again = 0; again < 2; ++again) EXPECT_EQ(compute(matrices), sum) << count;
    EXPECT_EQ(networks->kept.size(), ++count);
  }
  compute({a}, Precision::bf16);
  compute({a}, Precision::f32, 2);
  EXPECT_EQ(networks->kept.size(), count + 2);
}

TEST_F(KeptNetworks, AreSmallOnes) {
  Graph graph("of any size");
  graph.output("y", ops::gelu(graph.input("x", {-1, 2})));
  Network(graph, Precision::f32, 1).wait();
  EXPECT_THAT(networks->kept, testing::IsEmpty());
}

TEST_F(KeptNetworks, AreCompiledWhereTheyCannotBeRead) {
  compute({{1, 2, 3, 4}});
  for (auto& [name, bytes] : networks->kept) bytes = "an older format";
  EXPECT_THAT(compute({{1, 2, 3, 4}}), testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(networks->unreadable, 1);
  compute({{1, 2, 3, 4}});
  EXPECT_EQ(networks->loaded, 1) << "it is saved anew";
}

TEST(Network, RefusesOtherNumbersOfValues) {
  Graph graph("adder");
  graph.output("y", ops::add(graph.input("x", {2, 3}), ops::scalar(1)));
  const Network network(graph, Precision::f32, 1);
  Network::Run run(network);
  EXPECT_EQ(error_of<Error>([&] { run.set("x", iota(5)); }), "adder: input x takes 6 values, not 5");
  run.set("x", iota(6));
  run.execute();
  EXPECT_THAT(run.output("y"), testing::ElementsAre(1, 2, 3, 4, 5, 6));
}

}  // namespace
}  // namespace p2p::engine
