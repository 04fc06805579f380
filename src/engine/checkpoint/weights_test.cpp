#include "engine/checkpoint/weights.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using golden::Checkpoint;
using golden::error_of;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr float kInf = std::numeric_limits<float>::infinity();

std::string finish_error(Weights& weights) {
  return error_of<ModelError>([&] { weights.finish(); });
}

TEST(Weights, GivesWhatTheFileHolds) {
  Weights weights = Checkpoint().add("a.weight", {2, 1}, std::array{1.5F, -2.0F}).add("b", {1}, std::array{3.0F}, DType::bf16).weights();
  const auto a = weights.get("a.weight", {2, 1});
  EXPECT_EQ(a.view.dtype, DType::f32);
  EXPECT_THAT(to_floats(a.view), ElementsAre(1.5F, -2.0F));
  EXPECT_EQ(weights.get("b", {1}).view.dtype, DType::bf16);
  EXPECT_TRUE(weights.has("b"));
  EXPECT_FALSE(weights.has("c"));
  weights.finish();
  EXPECT_THAT(weights.requested(),
              ElementsAre(std::pair<const std::string, Shape>("a.weight", {2, 1}), std::pair<const std::string, Shape>("b", {1})));
}

TEST(Weights, TensorsOutliveThem) {
  Weights::Tensor tensor;
  {
    Weights weights = Checkpoint().add("a", {1}, std::array{7.0F}).weights();
    tensor = weights.get("a", {1});
  }
  EXPECT_THAT(to_floats(tensor.view), ElementsAre(7.0F));
}

TEST(Weights, ReportAllProblemsTogether) {
  Weights weights = Checkpoint()
                        .add("misshapen", {2, 1}, std::array{1.0F, 2.0F})
                        .add("unused", {1}, std::array{1.0F})
                        .add_bytes("integers", {1}, std::string(8, '\1'), DType::i64)
                        .add("fine", {1}, std::array{1.0F})
                        .weights();
  const auto wrong = weights.get("misshapen", {1, 2});
  EXPECT_EQ(wrong.view.shape, (Shape{1, 2})) << "so that building goes on";
  EXPECT_THAT(to_floats(wrong.view), Each(0.0F));
  EXPECT_THAT(to_floats(weights.get("missing", {3}).view), ElementsAre(0, 0, 0));
  EXPECT_THAT(to_floats(weights.get("integers", {1}).view), ElementsAre(0));
  EXPECT_THAT(to_floats(weights.get("fine", {1}).view), ElementsAre(1));
  EXPECT_THAT(finish_error(weights),
              AllOf(HasSubstr("(4 differences)"), HasSubstr("misshapen: expected shape [1, 2], found [2, 1] in model.safetensors"),
                    HasSubstr("missing: missing, expected shape [3]"),
                    HasSubstr("integers: expected F32, F16 or BF16, found I64 in model.safetensors"),
                    HasSubstr("unused: not part of this network, found shape [1] in model.safetensors"), Not(HasSubstr("fine"))));
}

TEST(Weights, ALongReportIsCut) {
  Weights weights = Checkpoint().weights();
  for (int i = 0; i < 25; ++i) weights.get("layer." + std::to_string(i), {1});
  EXPECT_THAT(finish_error(weights),
              AllOf(HasSubstr("(25 differences)"), HasSubstr("layer.19: missing"), HasSubstr("and 5 more"), Not(HasSubstr("layer.20"))));
}

TEST(Weights, IgnoreNamesAndPrefixes) {
  Weights weights = Checkpoint()
                        .add("position_ids", {1}, std::array{1.0F})
                        .add("position_ids_too", {1}, std::array{1.0F})
                        .add("encoder.a", {1}, std::array{1.0F})
                        .add("encoder.b.c", {1}, std::array{1.0F})
                        .add("encoders", {1}, std::array{1.0F})
                        .weights();
  weights.ignore("position_ids");
  weights.ignore("encoder.");
  EXPECT_THAT(finish_error(weights),
              AllOf(HasSubstr("(2 differences)"), HasSubstr("position_ids_too: not part"), HasSubstr("encoders: not part")));
}

TEST(Weights, ZerosHaveEveryTensor) {
  Weights weights = Weights::zeros();
  const auto tensor = weights.get("any", {3, 2});
  EXPECT_EQ(tensor.view.shape, (Shape{3, 2}));
  EXPECT_THAT(to_floats(tensor.view), AllOf(testing::SizeIs(6), Each(0.0F)));
  weights.finish();
  EXPECT_EQ(weights.requested().at("any"), (Shape{3, 2}));
}

template <typename Bits>
float float_of(Bits bits, DType dtype) {
  std::array<std::byte, sizeof bits + 1> unaligned{};
  std::memcpy(unaligned.data() + 1, &bits, sizeof bits);
  return to_floats({dtype, {1}, std::span(unaligned).subspan(1)}).front();
}

TEST(Floats, EveryF16IsExact) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float found = float_of(static_cast<std::uint16_t>(bits), DType::f16);
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const auto mantissa = static_cast<float>(bits & 1023);
    float expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 31) expected = mantissa == 0 ? kInf : std::numeric_limits<float>::quiet_NaN();
    ASSERT_EQ(std::signbit(found), bits >> 15 != 0) << bits;
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(found)) << bits;
    } else {
      ASSERT_EQ(std::abs(found), expected) << bits;
    }
  }
}

TEST(Floats, EveryBf16ComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = float_of(static_cast<std::uint16_t>(bits), DType::bf16);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(value), bits << 16);
    std::uint16_t back = 0;
    from_floats(std::span(&value, 1), DType::bf16, reinterpret_cast<std::byte*>(&back));
    // A signalling NaN comes back quiet.
    ASSERT_EQ(back, std::isnan(value) ? bits | 0x40 : bits);
  }
}

TEST(Floats, RoundToNearestEven) {
  const struct {
    std::uint32_t from;
    std::uint16_t to;
  } rows[] = {
      {0x3f800000, 0x3f80},                        // 1
      {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82},  // ties go to the even neighbour, down and up
      {0x3f808001, 0x3f81}, {0x3f817fff, 0x3f81},  // next to a tie
      {0xbf818000, 0xbf82}, {0x80000000, 0x8000},  // negative ones, -0
      {0x00000001, 0x0000}, {0x00008001, 0x0001},  // subnormals
      {0x007fffff, 0x0080},                        // the largest subnormal becomes normal
      {0x7f7fffff, 0x7f80}, {0xff7fffff, 0xff80},  // the largest becomes infinite
      {0x7f7f7fff, 0x7f7f}, {0x7f800000, 0x7f80},  // the largest that stays finite, infinity
      {0x7f800001, 0x7fc0}, {0xffffffff, 0xffff},  // NaN stays NaN
  };
  for (const auto& row : rows) {
    const auto value = std::bit_cast<float>(row.from);
    std::uint16_t found = 0;
    from_floats(std::span(&value, 1), DType::bf16, reinterpret_cast<std::byte*>(&found));
    EXPECT_EQ(found, row.to) << std::hex << row.from;
  }
}

TEST(Floats, F32StaysAsItIs) {
  const std::array values{-0.0F, std::numeric_limits<float>::denorm_min(), kInf};
  std::array<std::uint32_t, 3> bits{};
  from_floats(values, DType::f32, reinterpret_cast<std::byte*>(bits.data()));
  EXPECT_THAT(bits, ElementsAre(0x80000000u, 1u, 0x7f800000u));
  EXPECT_EQ(float_of(bits[1], DType::f32), values[1]);
  std::array<float, 2> part{};
  to_floats({DType::f32, {3}, std::as_bytes(std::span(values))}, 1, part);
  EXPECT_THAT(part, ElementsAre(values[1], kInf));
}

TEST(Floats, OtherTypesAreRefused) {
  const std::array<std::byte, 8> bytes{};
  EXPECT_THAT(error_of<ModelError>([&] { to_floats({DType::i64, {1}, bytes}); }), HasSubstr("type I64"));
}

}  // namespace
}  // namespace p2p::engine
