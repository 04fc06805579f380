#include "engine/checkpoint/decomposition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using golden::Checkpoint;
using golden::TempFolder;
using testing::ElementsAre;

std::vector<float> waves(std::size_t count, float pace) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::sin(pace * static_cast<float>(i));
  return values;
}

/// A file with `up` and `down`, and the change that they make.
Decomposition product(const TempFolder& folder, const Shape& up, const Shape& down) {
  const auto count = [](const Shape& shape) { return byte_size(DType::i8, shape); };
  const auto path = folder.path() / "change.safetensors";
  Checkpoint().add("up", up, waves(count(up), 0.7F)).add("down", down, waves(count(down), 1.3F), DType::bf16).write(path);
  const Safetensors file = open_safetensors(path);
  return {.first = {.up = file.tensors.at("up"), .down = file.tensors.at("down")}, .file = file.file};
}

TEST(WeightPatches, AddScaledProducts) {
  const TempFolder folder;
  // Ranks above and below the kernel's step, columns beyond a vector, and enough rows for several threads.
  for (const std::size_t rank : {std::size_t{1}, std::size_t{4}, std::size_t{7}}) {
    const std::size_t rows = 640, columns = 540;
    Weights weights = Checkpoint().add("a", {rows, 60, 3, 3}, waves(rows * columns, 0.1F), DType::f16).weights();
    const auto before = to_floats(weights.get("a", {rows, 60, 3, 3}).view);
    auto patches = std::make_shared<WeightPatches>(DType::f32, 3);
    Decomposition change = product(folder, {rows, rank, 1, 1}, {rank, 60, 3, 3});
    const auto up = to_floats(change.first.up), down = to_floats(*change.first.down);
    patches->add("a", weight_change(change, 0.5F));
    change.scale = 4;
    patches->add("a", weight_change(change, -0.5F));
    weights.patch(patches);
    const auto tensor = weights.get("a", {rows, 60, 3, 3});
    EXPECT_EQ(tensor.view.dtype, DType::f32);
    const auto after = to_floats(tensor.view);
    for (const std::size_t at : {std::size_t{0}, rows * columns / 3, rows * columns - 1}) {
      double expected = before[at];
      for (std::size_t k = 0; k < rank; ++k) expected += -1.5 * up[at / columns * rank + k] * down[k * columns + at % columns];
      EXPECT_NEAR(after[at], expected, 1e-5) << rank << " " << at;
    }
  }
}

TEST(WeightPatches, RoundOnceToBf16) {
  const TempFolder folder;
  // 1 + 2^-8 lies between two numbers of bf16, the sum with 2^-9 is nearer to the upper one.
  Weights weights = Checkpoint().add("a", {1, 1}, std::array{1.0F + 0x1p-8F}).weights();
  const auto path = folder.path() / "change.safetensors";
  Checkpoint().add("up", {1, 1}, std::array{0x1p-9F}).add("down", {1, 1}, std::array{1.0F}).write(path);
  const Safetensors file = open_safetensors(path);
  auto patches = std::make_shared<WeightPatches>(DType::bf16, 1);
  patches->add("a", weight_change({.first = {.up = file.tensors.at("up"), .down = file.tensors.at("down")}, .file = file.file}, 1));
  weights.patch(patches);
  const auto tensor = weights.get("a", {1, 1});
  EXPECT_EQ(tensor.view.dtype, DType::bf16);
  EXPECT_THAT(to_floats(tensor.view), ElementsAre(1.0F + 0x1p-7F));
}

TEST(WeightPatches, LeaveOtherWeightsInTheirFile) {
  Weights weights = Checkpoint().add("a", {1}, std::array{7.0F}).weights();
  const auto before = weights.get("a", {1});
  weights.patch(std::make_shared<WeightPatches>(DType::bf16, 1));
  const auto after = weights.get("a", {1});
  EXPECT_EQ(after.view.data.data(), before.view.data.data());
  EXPECT_EQ(after.owner, before.owner);
}

}  // namespace
}  // namespace p2p::engine
