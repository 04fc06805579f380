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
              AllOf(HasSubstr("(3 differences)"), HasSubstr("misshapen: expected shape [1, 2], found [2, 1] in model.safetensors"),
                    HasSubstr("missing: missing, expected shape [3]"),
                    HasSubstr("integers: expected F32, F16, BF16, F64 or F8, found I64 in model.safetensors"), Not(HasSubstr("unused")),
                    Not(HasSubstr("fine"))));
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
  weights.finish();
  EXPECT_THAT(weights.strays(), ElementsAre("encoders", "position_ids_too"));
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

TEST(Floats, AreWhatTorchMakesOfThem) {
  const golden::Tensors torch("dtypes.safetensors");
  for (const std::string name : {"f8_e4m3", "f8_e5m2", "f64"}) {
    SCOPED_TRACE(name);
    const std::vector<float> found = torch.floats(name), expected = torch.floats(name + ".f32");
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_GE(found.size(), name == "f64" ? 13U : 256U);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (std::isnan(expected[i])) {
        EXPECT_TRUE(std::isnan(found[i])) << i;
      } else {
        EXPECT_EQ(std::bit_cast<std::uint32_t>(found[i]), std::bit_cast<std::uint32_t>(expected[i])) << i;
      }
    }
  }
}

TEST(Floats, IntegersAreReadAsWell) {
  const auto read = [](DType dtype, const std::string& bytes) {
    return to_floats({dtype, {bytes.size() / size_of(dtype)}, std::as_bytes(std::span(bytes))});
  };
  EXPECT_THAT(read(DType::i64, std::string("\xfe\xff\xff\xff\xff\xff\xff\xff", 8)), ElementsAre(-2));
  EXPECT_THAT(read(DType::i32, std::string("\4\0\0\0", 4)), ElementsAre(4));
  EXPECT_THAT(read(DType::i16, "\xff\xff"), ElementsAre(-1));
  EXPECT_THAT(read(DType::i8, "\xff\1"), ElementsAre(-1, 1));
  EXPECT_THAT(read(DType::u64, std::string("\3\0\0\0\0\0\0\0", 8)), ElementsAre(3));
  EXPECT_THAT(read(DType::u32, std::string("\4\0\0\0", 4)), ElementsAre(4));
  EXPECT_THAT(read(DType::u16, "\xff\xff"), ElementsAre(65535));
  EXPECT_THAT(read(DType::u8, "\xff"), ElementsAre(255));
  EXPECT_THAT(read(DType::boolean, std::string("\0\2", 2)), ElementsAre(0, 1));
  EXPECT_THAT(error_of<ModelError>([&] { read(DType::f8_e8m0, "x"); }), HasSubstr("type F8_E8M0"));
}

TEST(Floats, AreMultipliedByTheirScales) {
  const std::string bytes = "\x38\x38\x40\x40";  // 1, 1, 2, 2
  TensorView view{DType::f8_e4m3, {2, 2}, std::as_bytes(std::span(bytes)), {0.5F, 3}};
  EXPECT_THAT(to_floats(view), ElementsAre(0.5F, 0.5F, 6, 6));
  std::array<float, 2> middle{};
  to_floats(view, 1, middle);
  EXPECT_THAT(middle, ElementsAre(0.5F, 6));
  view.scales = {4};
  EXPECT_THAT(to_floats(view), ElementsAre(4, 4, 8, 8));
}

TEST(Weights, AreGivenInTypesOfGraphs) {
  const std::string bytes = "\x38\x40";
  Weights weights = Checkpoint()
                        .add_bytes("f8", {2}, bytes, DType::f8_e4m3)
                        .add_bytes("f64", {1}, std::string("\0\0\0\0\0\0\xf8\x3f", 8), DType::f64)
                        .add_bytes("scaled.weight", {2}, bytes, DType::f8_e4m3)
                        .add("scaled.scale_weight", {2}, std::array{0.3F, 2.0F})
                        .add("scaled.input_scale", {}, std::array{1.0F})
                        .add_bytes("scaled_fp8", {0}, "", DType::f8_e4m3)
                        .weights();
  EXPECT_EQ(weights.get("f8", {2}).view.dtype, DType::bf16);
  EXPECT_THAT(to_floats(weights.get("f8", {2}).view), ElementsAre(1, 2));
  EXPECT_EQ(weights.get("f64", {1}).view.dtype, DType::f32);
  EXPECT_THAT(to_floats(weights.get("f64", {1}).view), ElementsAre(1.5F));
  EXPECT_EQ(weights.get("scaled.weight", {2}).view.dtype, DType::f32);
  EXPECT_THAT(to_floats(weights.get("scaled.weight", {2}).view), ElementsAre(0.3F, 4));
  weights.finish();
  EXPECT_THAT(weights.strays(), testing::IsEmpty());
}

TEST(Weights, RefuseScalesThatDoNotFit) {
  const auto error = [](const Shape& shape, float value) {
    return error_of<ModelError>([&] {
      Checkpoint()
          .add_bytes("a.weight", {2, 1}, "xx", DType::f8_e5m2)
          .add("a.weight_scale", shape, std::vector<float>(byte_size(DType::i8, shape), value))
          .weights();
    });
  };
  EXPECT_EQ(error({2, 1}, 1), "no error");
  EXPECT_EQ(error({}, 1), "no error");
  EXPECT_THAT(error({3}, 1),
              HasSubstr("tensor \"a.weight_scale\": expected one scale or 2, one for each row of the weight, found shape [3]"));
  EXPECT_THAT(error({0}, 1), HasSubstr("found shape [0]"));
  EXPECT_THAT(error({1}, kInf), HasSubstr("expected finite numbers"));
  Weights other = Checkpoint().add("a.weight", {1}, std::array{1.0F}).add("a.weight_scale", {1}, std::array{1.0F}).weights();
  other.get("a.weight", {1});
  other.finish();
  EXPECT_THAT(other.strays(), ElementsAre("a.weight_scale")) << "only 8-bit weights have scales";
}

}  // namespace
}  // namespace p2p::engine
