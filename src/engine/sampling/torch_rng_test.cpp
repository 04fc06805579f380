#include "engine/sampling/torch_rng.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "base/json.hpp"

namespace p2p::engine {
namespace {

// Made by tools/golden/sampling.py: for each seed a sequence of draws from one generator.
TEST(TorchRng, EqualsTorchOverSequencesOfDraws) {
  for (const Json& run : read_json(P2P_SOURCE_DIR "/tests/golden/sampling/randn.json")) {
    TorchRng rng(run.at("seed").get<std::uint64_t>());
    for (const Json& draw : run.at("draws")) {
      std::vector<float> numbers(draw.at("length").get<std::size_t>());
      rng.randn(numbers);
      const auto expected = draw.at("values").get<std::vector<float>>();
      const std::size_t head = numbers.size() > expected.size() ? expected.size() / 2 : expected.size();
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const std::size_t at = i < head ? i : numbers.size() - expected.size() + i;
        ASSERT_NEAR(numbers[at], expected[i], 3e-6) << "seed " << run.at("seed") << ", " << numbers.size() << " numbers, at " << at;
      }
      const double sum = std::accumulate(numbers.begin(), numbers.end(), 0.0);
      ASSERT_NEAR(sum, draw.at("sum").get<double>(), 1e-6 * static_cast<double>(numbers.size()) + 3e-6);
    }
  }
}

TEST(TorchRng, DrawingNothingChangesNothing) {
  TorchRng drawn(3);
  TorchRng fresh(3);
  drawn.randn({});
  std::vector<float> a(5);
  std::vector<float> b(5);
  drawn.randn(a);
  fresh.randn(b);
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace p2p::engine
