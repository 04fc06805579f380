#include "engine/graph/peak.hpp"

#include <algorithm>
#include <chrono>
#include <openvino/opsets/opset13.hpp>
#include <openvino/runtime/core.hpp>
#include <random>
#include <vector>

namespace p2p::engine {
namespace {

namespace op = ov::opset13;
using Clock = std::chrono::steady_clock;

// Repeats the product so that input, output and calls are negligible.
constexpr int kLayers = 8;
constexpr std::size_t kSide = 1024;

ov::Output<ov::Node> fake_quantize(const ov::Output<ov::Node>& x, float low, float high, std::size_t levels) {
  const auto at = [](float value) { return op::Constant::create(ov::element::f32, {1, 1}, {value}); };
  return std::make_shared<op::FakeQuantize>(x, at(low), at(high), at(low), at(high), levels)->output(0);
}

std::shared_ptr<ov::Model> products(bool quantized) {
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> uniform(-0.05F, 0.05F);
  const auto input = std::make_shared<op::Parameter>(ov::element::f32, ov::Shape{kSide, kSide});
  ov::Output<ov::Node> x = input;
  for (int i = 0; i < kLayers; ++i) {
    std::vector<float> weights(kSide * kSide);
    std::ranges::generate(weights, [&] { return uniform(random); });
    ov::Output<ov::Node> w = op::Constant::create(ov::element::f32, {kSide, kSide}, weights)->output(0);
    if (quantized) {
      x = fake_quantize(x, 0.0F, 2.55F, 256);
      w = fake_quantize(w, -0.05F, 0.05F, 255);
    }
    x = std::make_shared<op::MatMul>(x, w, false, true)->output(0);
  }
  return std::make_shared<ov::Model>(ov::OutputVector{x}, ov::ParameterVector{input});
}

double gops(bool quantized, ov::element::Type precision, int threads) {
  constexpr double kOperations = 2.0 * kLayers * kSide * kSide * kSide;
  ov::Core core;
  ov::AnyMap properties{ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY), ov::num_streams(1),
                        ov::hint::inference_precision(precision)};
  if (threads > 0) properties.insert(ov::inference_num_threads(threads));
  auto request = core.compile_model(products(quantized), "CPU", properties).create_infer_request();
  double best = 1e9;
  const auto end = Clock::now() + std::chrono::milliseconds(600);
  do {
    const auto start = Clock::now();
    request.infer();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  } while (Clock::now() < end);
  return kOperations / best / 1e9;
}

}  // namespace

PeakGops measure_peak(int threads) {
  return {.f32 = gops(false, ov::element::f32, threads),
          .bf16 = gops(false, ov::element::bf16, threads),
          .int8 = gops(true, ov::element::f32, threads)};
}

}  // namespace p2p::engine
