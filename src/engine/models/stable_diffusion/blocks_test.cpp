#include "engine/models/stable_diffusion/blocks.hpp"

#include <gtest/gtest.h>

#include "engine/models/stable_diffusion/embeddings.hpp"
#include "engine/models/stable_diffusion/unet.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

/// Blocks of one UNet, each alone in a graph, from the weights and the values that the fixture holds.
class StableDiffusionBlocksOf : public testing::TestWithParam<const char*> {
 protected:
  using Build = std::function<Value(const Value& x, const Scope& scope)>;

  /// The paths of recorded blocks whose parents' names start with `list`.
  std::vector<std::string> paths(const std::string& list) const {
    std::vector<std::string> found;
    for (const auto& [key, view] : tensors_.all()) {
      constexpr std::string_view kStart = "unet/";
      constexpr std::string_view kEnd = "/input";
      if (key.starts_with(kStart) && key.ends_with(kEnd) && key.contains("." + list + "."))
        found.push_back(key.substr(kStart.size(), key.size() - kStart.size() - kEnd.size()));
    }
    EXPECT_FALSE(found.empty()) << list;
    return found;
  }

  const Shape& in(const std::string& path) const { return tensors_.shape("unet/" + path + "/input"); }
  const Shape& out(const std::string& path) const { return tensors_.shape("unet/" + path + "/output"); }

  void expect_equal(const std::string& path, const golden::Values& inputs, const Build& build) {
    SCOPED_TRACE(path);
    Graph graph("step");
    graph.output("y", build(graph.input("x", ov::Shape(in(path))), Scope(weights_, graph) / path));
    golden::Values all = inputs;
    all["x"] = tensors_.floats("unet/" + path + "/input");
    EXPECT_TRUE(golden::near(golden::run(graph, all, {"y"}).at("y"), tensors_.floats("unet/" + path + "/output"), 2e-5));
  }

  const golden::Tensors tensors_{std::string("stable_diffusion/") + GetParam() + ".safetensors"};
  const std::filesystem::path folder_ = golden::file(std::string("stable_diffusion/") + GetParam() + "/unet");
  const UnetConfig config_ = UnetConfig::load(folder_ / "config.json");
  Weights weights_{folder_};
};

TEST_P(StableDiffusionBlocksOf, ResnetsEqualDiffusers) {
  const auto time = tensors_.floats("unet/time_embedding/output");
  for (const std::string& path : paths("resnets")) {
    if (config_.addition_time_embed_dim != 0) continue;  // the pooled text is added to what was recorded
    expect_equal(path, {{"time", time}}, [&](const Value& x, const Scope& scope) {
      const auto width = static_cast<std::int64_t>(config_.time_embed_dim);
      const Value embedding = scope.graph().input("time", {2, width});
      const Value row = ops::linear(ops::silu(embedding), scope / "time_emb_proj", {.in = config_.time_embed_dim, .out = out(path)[1]});
      return resnet_block(x, scope, {.in = in(path)[1], .out = out(path)[1]}, {.groups = config_.norm_num_groups, .eps = config_.norm_eps},
                          ops::reshape(row, {0, -1, 1, 1}));
    });
  }
}

TEST_P(StableDiffusionBlocksOf, TransformersEqualDiffusers) {
  for (const std::string& path : paths("attentions")) {
    // "down_blocks.I", "mid_block" or "up_blocks.I"
    const std::size_t number = path.starts_with("mid") ? config_.levels() - 1 : static_cast<std::size_t>(path[path.find('.') + 1] - '0');
    const std::size_t level = path.starts_with("up") ? config_.levels() - 1 - number : number;
    const Transformer transformer{.channels = in(path)[1],
                                  .heads = config_.heads[level],
                                  .layers = config_.down_transformers[level][0],
                                  .groups = config_.norm_num_groups,
                                  .linear_projection = config_.use_linear_projection,
                                  .text_width = config_.cross_attention_dim,
                                  .batch = 2,
                                  .tokens = 9};
    golden::Values inputs;
    for (std::size_t i = 0; i < transformer.layers; ++i) {
      const std::string cross = cross_attention_path(path, i);
      const auto kv =
          golden::run(cross_attention_text(weights_, cross, transformer), {{"embedding", tensors_.floats("unet/text")}}, {"k", "v"});
      for (const auto& [name, values] : kv) inputs[cross + "." + name] = values;
    }
    expect_equal(path, inputs, [&](const Value& x, const Scope& scope) { return transformer_2d(x, scope, transformer); });
  }
}

TEST_P(StableDiffusionBlocksOf, ChangesOfSizeEqualDiffusers) {
  for (const std::string& path : paths("downsamplers"))
    expect_equal(path, {}, [&](const Value& x, const Scope& scope) { return downsample(x, scope, in(path)[1], 1); });
  for (const std::string& path : paths("upsamplers"))
    expect_equal(path, {}, [&](const Value& x, const Scope& scope) { return upsample(x, scope, in(path)[1], out(path)[2], out(path)[3]); });
}

INSTANTIATE_TEST_SUITE_P(Fixtures, StableDiffusionBlocksOf, testing::Values("sd1", "sd2", "lcm", "turbo", "sdxl"),
                         [](const auto& test) { return std::string(test.param); });

TEST(TransformerText, BlocksOfOtherHeadsDoNotShareANetwork) {
  Weights weights = Weights::zeros();
  const auto signature = [&](const char* path, std::size_t heads) {
    return cross_attention_text(weights, path, {.channels = 12, .heads = heads, .text_width = 8, .tokens = 5}).signature();
  };
  EXPECT_EQ(signature("a", 2), signature("b", 2));
  EXPECT_NE(signature("a", 2), signature("b", 3));
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
