#include "engine/models/wuerstchen/blocks.hpp"

#include <gtest/gtest.h>

#include "engine/graph/ops.hpp"
#include "engine/models/wuerstchen/decoder.hpp"
#include "engine/models/wuerstchen/prior.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine::wuerstchen {
namespace {

using golden::near;

TEST(Resize, EqualsTorch) {
  const golden::Tensors tensors("wuerstchen/operations.safetensors");
  int cases = 0;
  for (const auto& [key, view] : tensors.all()) {
    if (!key.starts_with("resize/") || !key.ends_with("/input")) continue;
    SCOPED_TRACE(key);
    ++cases;
    const std::string output = key.substr(0, key.rfind('/')) + "/output";
    const Shape& to = tensors.shape(output);
    EXPECT_TRUE(
        near(resize_bicubic_antialiased(tensors.floats(key), 1, view.shape[2], view.shape[3], to[2], to[3]), tensors.floats(output), 2e-5));
  }
  EXPECT_EQ(cases, 6);
}

TEST(Resize, PutsChannelsLast) {
  const golden::Tensors tensors("wuerstchen/operations.safetensors");
  const std::string key = "resize/6x6-11x7/";
  std::vector<float> planes = tensors.floats(key + "input");
  for (std::size_t i = 0; i < 36; ++i) planes.push_back(-2 * planes[i]);
  const auto resized = resize_bicubic_antialiased(planes, 2, 6, 6, 11, 7);
  const auto expected = tensors.floats(key + "output");
  std::vector<float> channels_last;
  for (const float value : expected) channels_last.insert(channels_last.end(), {value, -2 * value});
  EXPECT_TRUE(near(resized, channels_last, 2e-5));
}

TEST(TimeEmbedding, EqualsDiffusers) {
  const golden::Tensors tensors("wuerstchen/operations.safetensors");
  const auto ratios = tensors.floats("time/r");
  for (const std::size_t c_r : {4U, 7U, 32U, 64U}) {
    const auto expected = tensors.floats("time/" + std::to_string(c_r));
    for (std::size_t i = 0; i < ratios.size(); ++i) {
      // Angles reach 10^4, of which f32 holds three decimals.
      EXPECT_TRUE(near(time_embedding(ratios[i], c_r), std::span(expected).subspan(i * c_r, c_r), 1e-3)) << c_r << " at " << ratios[i];
    }
  }
}

// A network of that kind does not know the time; diffusers draws with it all the same.
TEST(TimeTable, MayHaveNoBlock) {
  Graph time("time");
  TimeTableWriter(time, 8).finish();
  const auto row = golden::run(time, {{"embedding", time_embedding(0.5F, 8)}}, {"time"}).at("time");
  Graph step("step");
  const TimeTableReader reader(step, {});
  step.output("y", ops::mul(step.input("x", {1, 2}), ops::scalar(2)));
  EXPECT_EQ(golden::run(step, {{"x", {1, 2}}, {"time", row}}, {"y"}).at("y"), (std::vector<float>{2, 4}));
}

/// Blocks of one network, each alone in a graph, from the weights and the values that the fixture holds.
class BlocksOf : public testing::TestWithParam<const char*> {
 protected:
  golden::Values run(const Graph& graph, const golden::Values& inputs, const std::string& output) const {
    return golden::run(graph, inputs, {output});
  }

  ov::PartialShape map_shape(const std::string& key) const {
    const Shape& s = tensors_.shape(key);
    return ov::Shape{s[0], s[2], s[3], s[1]};
  }

  /// `network`/`from` -> block at `path` -> `network`/`path`.
  void expect_timestep_block(Weights& weights, const std::string& network, const std::string& from, const std::string& path,
                             std::size_t c_r) const {
    SCOPED_TRACE(network + " " + path);
    const std::size_t c = tensors_.shape(network + "/" + from)[1];
    Graph time("time");
    TimeTableWriter writer(time, c_r);
    writer.timestep_block(scope(weights, time, path), c);
    writer.finish();
    const auto row = run(time, {{"embedding", time_embedding(tensors_.floats(network + "/r")[0], c_r)}}, "time").at("time");
    Graph step("step");
    TimeTableReader reader(step, {c});
    step.output("y", reader.timestep_block(step.input("x", map_shape(network + "/" + from))));
    const auto y = run(step, {{"x", tensors_.channels_last(network + "/" + from)}, {"time", row}}, "y").at("y");
    EXPECT_TRUE(near(y, tensors_.channels_last(network + "/" + path)));
  }

  void expect_attn_block(Weights& weights, const std::string& network, const std::string& from, const std::string& text,
                         const std::string& path, std::size_t heads) const {
    SCOPED_TRACE(network + " " + path);
    const std::size_t c = tensors_.shape(network + "/" + from)[1];
    const Shape& text_shape = tensors_.shape(network + "/" + text);
    const AttnShape shape{.batch = static_cast<std::int64_t>(text_shape[0]), .tokens = static_cast<std::int64_t>(text_shape[1])};
    const Graph keys = attn_block_text(weights, path, text_shape[2], c, heads, shape);
    const golden::Values kv = golden::run(keys, {{"embedding", tensors_.floats(network + "/" + text)}}, {"k", "v"});
    const golden::Values inputs{{"x", tensors_.channels_last(network + "/" + from)}, {path + ".k", kv.at("k")}, {path + ".v", kv.at("v")}};
    Graph step("step");
    step.output("y", attn_block(step.input("x", map_shape(network + "/" + from)), scope(weights, step, path), c, heads, shape));
    EXPECT_TRUE(near(run(step, inputs, "y").at("y"), tensors_.channels_last(network + "/" + path)));
  }

  static Scope scope(Weights& weights, Graph& graph, const std::string& path) { return Scope(weights, graph) / path; }

  const golden::Model model_{GetParam()};
  const golden::Tensors tensors_{std::string("wuerstchen/") + GetParam() + ".safetensors"};
};

TEST_P(BlocksOf, PriorEqualDiffusers) {
  const auto config = PriorConfig::load(model_.prior / "config.json");
  Weights weights(model_.prior);
  std::string from = "projection";
  for (std::size_t i = 0; i < 3 * config.depth; ++i) {
    const std::string path = "blocks." + std::to_string(i);
    if (i % 3 == 0) {
      Graph graph("step");
      graph.output("y", res_block(graph.input("x", map_shape("prior/" + from)), scope(weights, graph, path), config.c));
      EXPECT_TRUE(near(run(graph, {{"x", tensors_.channels_last("prior/" + from)}}, "y").at("y"), tensors_.channels_last("prior/" + path)))
          << path;
    } else if (i % 3 == 1) {
      expect_timestep_block(weights, "prior", from, path, config.c_r);
    } else {
      expect_attn_block(weights, "prior", from, "cond_mapper", path, config.nhead);
    }
    from = path;
  }
}

// Those that the decoder shares with the prior; its own kind of residual block is covered by the whole network.
TEST_P(BlocksOf, DecoderEqualDiffusers) {
  const auto config = DecoderConfig::load(model_.decoder / "config.json");
  Weights weights(model_.decoder);
  const auto check_level = [&](std::size_t level, const std::string& list, std::size_t first) {
    const std::vector<BlockType>& types = config.level_config[level];
    for (std::size_t i = 1; i < types.size() * config.blocks[level]; ++i) {
      const std::string from = list + "." + std::to_string(first + i - 1);
      const std::string path = list + "." + std::to_string(first + i);
      const BlockType type = types[i % types.size()];
      if (type == BlockType::timestep) expect_timestep_block(weights, "decoder", from, path, config.c_r);
      if (type == BlockType::attention)
        expect_attn_block(weights, "decoder", from, "seq_norm", path, static_cast<std::size_t>(config.nhead[level]));
    }
  };
  for (std::size_t level = 0; level < config.levels(); ++level) {
    check_level(level, "down_blocks." + std::to_string(level), level > 0 ? 1 : 0);
    check_level(level, "up_blocks." + std::to_string(config.levels() - 1 - level), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, BlocksOf, testing::Values("a", "b", "c"), [](const auto& test) { return std::string(test.param); });

}  // namespace
TEST(AttnBlockText, BlocksOfOtherHeadsDoNotShareANetwork) {
  Weights weights = Weights::zeros();
  const auto signature = [&](const char* path, std::size_t heads) {
    return attn_block_text(weights, path, 8, 12, heads, {.batch = 1, .tokens = 5}).signature();
  };
  EXPECT_EQ(signature("a", 2), signature("b", 2));
  EXPECT_NE(signature("a", 2), signature("b", 3));
}

}  // namespace p2p::engine::wuerstchen
