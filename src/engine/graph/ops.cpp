#include "engine/graph/ops.hpp"

#include <openvino/opsets/opset13.hpp>

namespace p2p::engine::ops {
namespace {

namespace op = ov::opset13;

template <typename Op, typename... Args>
Value make(Args&&... args) {
  return std::make_shared<Op>(std::forward<Args>(args)...)->output(0);
}

Value integers(const std::vector<std::int64_t>& values) {
  return op::Constant::create(ov::element::i64, ov::Shape{values.size()}, values)->output(0);
}

Value named(Value value, const Scope& scope) {
  value.get_node()->set_friendly_name(scope.path());
  return value;
}

ov::CoordinateDiff padding_of(const Conv& conv) { return ov::CoordinateDiff(2, static_cast<std::ptrdiff_t>(conv.padding)); }
ov::CoordinateDiff end_padding_of(const Conv& conv) {
  return ov::CoordinateDiff(2, static_cast<std::ptrdiff_t>(conv.padding + conv.more_padding));
}

}  // namespace

Value constant(std::span<const float> values, const Shape& shape) {
  return op::Constant::create(ov::element::f32, ov::Shape(shape), std::vector<float>(values.begin(), values.end()))->output(0);
}

Value scalar(float value) { return constant(std::span(&value, 1), {1}); }

Value add(const Value& a, const Value& b) { return make<op::Add>(a, b); }
Value sub(const Value& a, const Value& b) { return make<op::Subtract>(a, b); }
Value mul(const Value& a, const Value& b) { return make<op::Multiply>(a, b); }
Value div(const Value& a, const Value& b) { return make<op::Divide>(a, b); }
Value abs(const Value& x) { return make<op::Abs>(x); }

Value reshape(const Value& x, const std::vector<std::int64_t>& shape) { return make<op::Reshape>(x, integers(shape), true); }
Value permute(const Value& x, const std::vector<std::int64_t>& order) { return make<op::Transpose>(x, integers(order)); }
Value to_channels_first(const Value& x) { return permute(x, {0, 3, 1, 2}); }
Value to_channels_last(const Value& x) { return permute(x, {0, 2, 3, 1}); }
Value concat(const std::vector<Value>& parts, std::int64_t axis) { return make<op::Concat>(parts, axis); }

std::vector<Value> split(const Value& x, std::int64_t axis, const std::vector<std::int64_t>& sizes) {
  return std::make_shared<op::VariadicSplit>(x, integers({axis}), integers(sizes))->outputs();
}

Value gelu(const Value& x) { return make<op::Gelu>(x, ov::op::GeluApproximationMode::ERF); }
Value quick_gelu(const Value& x) { return mul(x, sigmoid(mul(x, scalar(1.702F)))); }
Value silu(const Value& x) { return make<op::Swish>(x); }
Value leaky_relu(const Value& x, float slope) { return make<op::PRelu>(x, scalar(slope)); }
Value sigmoid(const Value& x) { return make<op::Sigmoid>(x); }
Value relu(const Value& x) { return make<op::Relu>(x); }
Value tanh(const Value& x) { return make<op::Tanh>(x); }

Value layer_norm(const Value& x, float eps) { return make<op::MVN>(x, integers({-1}), true, eps, ov::op::MVNEpsMode::INSIDE_SQRT); }

Value channels_norm(const Value& x, float eps) {
  const Value axis = integers({1});
  const Value centred = sub(x, make<op::ReduceMean>(x, axis, true));
  const Value variance = make<op::ReduceMean>(mul(centred, centred), axis, true);
  return mul(centred, make<op::Power>(add(variance, scalar(eps)), scalar(-0.5F)));
}

Value layer_norm(const Value& x, float eps, const Scope& scope, std::size_t channels) {
  const Value scaled = mul(layer_norm(x, eps), scope.weight("weight", {channels}));
  return named(add(scaled, scope.weight("bias", {channels})), scope);
}

Value group_norm(const Value& x, std::size_t groups, float eps, const Scope& scope, std::size_t channels) {
  const Value weight = scope.weight("weight", {channels});
  const Value bias = scope.weight("bias", {channels});
  return named(make<op::GroupNormalization>(x, weight, bias, static_cast<std::int64_t>(groups), eps), scope);
}

Value linear(const Value& x, const Value& weight, const Value& bias) { return add(make<op::MatMul>(x, weight, false, true), bias); }

Value linear(const Value& x, const Scope& scope, Features features) {
  const Value weight = scope.weight("weight", {features.out, features.in});
  if (!features.bias) return named(make<op::MatMul>(x, weight, false, true), scope);
  return named(linear(x, weight, scope.weight("bias", {features.out})), scope);
}

Value pointwise_conv2d(const Value& x, const Scope& scope, Features features) {
  const Value weight = scope.weight("weight", {features.out, features.in, 1, 1}, {features.out, features.in});
  return named(linear(x, weight, scope.weight("bias", {features.out})), scope);
}

namespace {

Value convolution(const Value& x, const Value& weight, Conv conv) {
  return make<op::Convolution>(x, weight, ov::Strides(2, conv.stride), padding_of(conv), end_padding_of(conv), ov::Strides{1, 1});
}

}  // namespace

Value conv2d(const Value& x, const Value& weight, const Value& bias, Conv conv) { return add(convolution(x, weight, conv), bias); }

Value conv2d(const Value& x, const Scope& scope, Features features, Conv conv) {
  const Value weight = scope.weight("weight", {features.out, features.in, conv.kernel, conv.kernel});
  if (!features.bias) return named(convolution(x, weight, conv), scope);
  return named(conv2d(x, weight, scope.weight("bias", {features.out}, {1, features.out, 1, 1}), conv), scope);
}

Value depthwise_conv2d(const Value& x, const Scope& scope, std::size_t channels, Conv conv) {
  const Value weight = scope.weight("weight", {channels, 1, conv.kernel, conv.kernel}, {channels, 1, 1, conv.kernel, conv.kernel});
  const Value bias = scope.weight("bias", {channels}, {1, channels, 1, 1});
  const Value y = make<op::GroupConvolution>(x, weight, ov::Strides(2, conv.stride), padding_of(conv), padding_of(conv), ov::Strides{1, 1});
  return named(add(y, bias), scope);
}

Value conv_transpose2d(const Value& x, const Scope& scope, Features features, Conv conv) {
  const Value weight = scope.weight("weight", {features.in, features.out, conv.kernel, conv.kernel});
  const Value bias = scope.weight("bias", {features.out}, {1, features.out, 1, 1});
  const Value y =
      make<op::ConvolutionBackpropData>(x, weight, ov::Strides(2, conv.stride), padding_of(conv), padding_of(conv), ov::Strides{1, 1});
  return named(add(y, bias), scope);
}

Value replication_pad2d(const Value& x, std::int64_t pixels) {
  const Value sides = integers({0, 0, pixels, pixels});
  return make<op::Pad>(x, sides, sides, ov::op::PadMode::EDGE);
}

Value resize_nearest(const Value& x, std::size_t height, std::size_t width) {
  using Base = op::Interpolate;
  const Base::InterpolateAttrs nearest(Base::InterpolateMode::NEAREST, Base::ShapeCalcMode::SIZES, {0, 0}, {0, 0},
                                       Base::CoordinateTransformMode::ASYMMETRIC, Base::NearestMode::FLOOR);
  const Value size = integers({static_cast<std::int64_t>(height), static_cast<std::int64_t>(width)});
  return make<Base>(x, size, integers({2, 3}), nearest);
}

Value pixel_unshuffle(const Value& x, std::int64_t r) {
  const auto& shape = x.get_shape();
  const std::vector<std::int64_t> n(shape.begin(), shape.end());
  const Value cells = reshape(x, {n[0], n[1], n[2] / r, r, n[3] / r, r});
  return reshape(permute(cells, {0, 2, 4, 1, 3, 5}), {n[0], n[2] / r, n[3] / r, n[1] * r * r});
}

Value pixel_shuffle(const Value& x, std::int64_t r) {
  const auto& shape = x.get_shape();
  const std::vector<std::int64_t> n(shape.begin(), shape.end());
  const Value cells = reshape(x, {n[0], n[1], n[2], n[3] / (r * r), r, r});
  return reshape(permute(cells, {0, 3, 1, 4, 2, 5}), {n[0], n[3] / (r * r), n[1] * r, n[2] * r});
}

Value split_heads(const Value& x, std::size_t heads) {
  const std::int64_t channels = x.get_partial_shape()[2].get_length();
  const auto count = static_cast<std::int64_t>(heads);
  return permute(reshape(x, {0, 0, count, channels / count}), {0, 2, 1, 3});
}

namespace {

Value join_heads(const Value& x) {
  const auto& shape = x.get_partial_shape();
  return reshape(permute(x, {0, 2, 1, 3}), {0, 0, shape[1].get_length() * shape[3].get_length()});
}

}  // namespace

Value attention(const Value& q, const Value& k, const Value& v) { return join_heads(make<op::ScaledDotProductAttention>(q, k, v, false)); }

Value attention(const Value& q, const Value& k, const Value& v, const Value& mask) {
  return join_heads(make<op::ScaledDotProductAttention>(q, k, v, mask, false));
}

Value global_response_norm(const Value& x, const Scope& scope, std::size_t channels) {
  const Value norm = make<op::ReduceL2>(x, integers({1, 2}), true);
  const Value mean = make<op::ReduceMean>(norm, integers({-1}), true);
  const Value gamma = scope.weight("gamma", {1, 1, 1, channels});
  const Value beta = scope.weight("beta", {1, 1, 1, channels});
  const Value scale = add(mul(div(norm, add(mean, scalar(1e-6F))), gamma), scalar(1.0F));
  return named(add(mul(x, scale), beta), scope);
}

}  // namespace p2p::engine::ops
