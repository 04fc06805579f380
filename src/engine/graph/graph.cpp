#include "engine/graph/graph.hpp"

#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>

#include "base/error.hpp"

namespace p2p::engine {
namespace {

ov::element::Type element_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return ov::element::f32;
    case DType::f16:
      return ov::element::f16;
    case DType::bf16:
      return ov::element::bf16;
    default:
      throw ModelError("weights of type " + std::string(name_of(dtype)) + " cannot be computed with");
  }
}

}  // namespace

Value Graph::input(const std::string& name, const ov::PartialShape& shape) {
  auto parameter = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, shape);
  parameter->set_friendly_name(name);
  parameter->output(0).set_names({name});
  inputs_.push_back(parameter);
  return parameter->output(0);
}

void Graph::output(const std::string& name, const Value& value) { outputs_.emplace_back(name, value); }

Value Graph::weight(const Weights::Tensor& tensor, const std::string& path, const Shape& shape) {
  const auto type = element_type(tensor.view.dtype);
  std::shared_ptr<ov::Node> node;
  if (use_ == WeightUse::streamed) {
    auto parameter = std::make_shared<ov::op::v0::Parameter>(type, ov::Shape(shape));
    streams_.push_back({parameter, tensor});
    node = parameter;
  } else {
    // The constant's only copy is the mapped file; it keeps the mapping alive.
    node = std::make_shared<ov::op::v0::Constant>(type, ov::Shape(shape), tensor.view.data.data(),
                                                  std::const_pointer_cast<void>(tensor.owner));
  }
  node->set_friendly_name(path);
  if (type == ov::element::f32) return node->output(0);
  auto convert = std::make_shared<ov::op::v0::Convert>(node, ov::element::f32);
  convert->set_friendly_name(path + "/f32");
  // OpenVINO's mark for compressed weights: the plugin then converts while it packs, instead of making an f32 copy first.
  convert->get_rt_info()["decompression_0"] = true;
  return convert->output(0);
}

std::string Graph::signature() const {
  std::string text;
  for (const Stream& stream : streams_) text += std::string(name_of(stream.tensor.view.dtype)) + to_string(stream.tensor.view.shape);
  for (const auto& [name, value] : outputs_) text += name + value.get_partial_shape().to_string();
  return text;
}

Scope Scope::operator/(std::string_view name) const {
  return Scope(*weights_, *graph_, path_.empty() ? std::string(name) : path_ + "." + std::string(name));
}

Value Scope::weight(std::string_view name, const Shape& shape, const Shape& as) const {
  const std::string path = (*this / name).path_;
  return graph_->weight(weights_->get(path, shape), path, as.empty() ? shape : as);
}

}  // namespace p2p::engine
