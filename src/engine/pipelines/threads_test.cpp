// Several threads that draw with one model at once.

#include <gtest/gtest.h>
#include <malloc.h>

#include <future>
#include <thread>

#include "engine/pipelines/text_to_image.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

/// OpenVINO calls malloc_trim() when it destroys a network. A sanitizer has an allocator of its own, so that this is the C library's first
/// call, which initializes its allocator and crashes if two threads do so at once.
[[maybe_unused]] const int kInitialized = malloc_trim(0);

std::unique_ptr<TextToImage> load(const std::string& model) {
  return load_text_to_image(golden::file(model), {.precision = Precision::f32, .threads = 2});
}

/// A small picture in few steps.
GenerateParams small(int width, int height, std::uint64_t seed = 5) {
  return {.prompt = "a red fox", .seed = seed, .width = width, .height = height, .steps = 3, .decoder_steps = 2};
}

// Of different sizes, so that each takes the other's compiled networks away.
TEST(TextToImageThreads, DrawWhatOneThreadDraws) {
  const auto model = load("wuerstchen/a");
  const auto draw = [&](int width) { return model->generate(small(width, 48)).image.rgb; };
  const auto narrow = draw(48);
  const auto wide = draw(64);
  for (int i = 0; i < 2; ++i) {
    auto first = std::async(std::launch::async, draw, 48);
    auto second = std::async(std::launch::async, draw, 64);
    EXPECT_EQ(first.get(), narrow);
    EXPECT_EQ(second.get(), wide);
  }
}

TEST(TextToImageThreads, ShareOneCompiledNetwork) {
  const auto model = load("wuerstchen/a");
  const auto draw = [&](std::uint64_t seed) { return model->generate(small(48, 48, seed)).image.rgb; };
  const auto one = draw(1);
  const auto two = draw(2);
  auto first = std::async(std::launch::async, draw, 1);
  auto second = std::async(std::launch::async, draw, 2);
  EXPECT_EQ(first.get(), one);
  EXPECT_EQ(second.get(), two);
}

TEST(TextToImageThreads, DrawWithDifferentLoras) {
  const auto model = load("stable_diffusion/sd1");
  const auto lora = [](const std::string& name) { return golden::file("lora/" + name + ".safetensors"); };
  const std::vector<std::vector<Lora>> sets{{}, {{lora("sd1-kohya"), 1}}, {{lora("sd1-peft"), 1}, {lora("sd1-lora"), -1}}};
  const auto draw = [&](const std::vector<Lora>& loras) {
    GenerateParams params = small(64, 64);
    params.steps = 2;
    params.decoder_steps.reset();
    params.loras = loras;
    return model->generate(params).image.rgb;
  };
  std::vector<std::vector<std::uint8_t>> expected;
  for (const auto& set : sets) expected.push_back(draw(set));
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 2; ++round) EXPECT_EQ(draw(sets[i]), expected[i]);
    });
  }
}

}  // namespace
}  // namespace p2p::engine
