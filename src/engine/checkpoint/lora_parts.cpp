#include "engine/checkpoint/lora_parts.hpp"

#include <algorithm>
#include <cmath>

#include "base/json.hpp"

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxLoraRank = 4096;

std::size_t count(const Shape& shape) { return byte_size(DType::i8, shape); }

Shape without_ones(Shape shape) {
  while (!shape.empty() && shape.back() == 1) shape.pop_back();
  return shape;
}

}  // namespace

void LoraParts::add(LoraPart part, const Tensor& tensor) {
  const Tensor*& place = parts_.at(static_cast<std::size_t>(part));
  if (place) fail(tensor.first, "the same weight as " + excerpt(place->first) + ", which is there as well");
  place = &tensor;
}

const LoraParts::Tensor& LoraParts::get(LoraPart wanted, LoraPart with, const char* name) const {
  if (!has(wanted)) fail(at(with)->first, std::string("expected with it ") + name + " of the same layer, found none");
  const Tensor& tensor = *at(wanted);
  if (!is_floating(tensor.second.dtype))
    fail(tensor.first, "expected a floating-point type, found " + std::string(name_of(tensor.second.dtype)));
  return tensor;
}

float LoraParts::number(LoraPart part) const {
  const auto& [name, view] = *at(part);
  if (count(view.shape) != 1) fail(name, "expected one number, found shape " + to_string(view.shape));
  float value = 0;
  to_floats(view, 0, std::span(&value, 1));
  if (!std::isfinite(value)) fail(name, "expected a finite number");
  return value;
}

std::size_t LoraParts::rank_of(const Tensor& tensor) const {
  const Shape& shape = tensor.second.shape;
  const std::size_t rank = shape.empty() ? 0 : shape[0];
  if (rank < 1 || rank > kMaxLoraRank)
    fail(tensor.first, "expected a rank of 1 to " + std::to_string(kMaxLoraRank) + ", found shape " + to_string(shape));
  return rank;
}

std::size_t LoraParts::side_of(const Tensor& matrix, std::size_t axis) const {
  const Shape& shape = matrix.second.shape;
  if (shape.size() < 2 || shape[axis] == 0) fail(matrix.first, "expected a matrix, found shape " + to_string(shape));
  return shape[axis];
}

void LoraParts::check_shape(const Tensor& tensor, const Shape& expected, const Weight& of) const {
  const Shape& found = tensor.second.shape;
  if (without_ones(found) == without_ones(expected)) return;
  if (expected.size() > 2 && found.size() == 2 && found[0] == expected[0] && count(found) == count(expected)) return;
  fail_for_shape(tensor, to_string(expected), of);
}

Shape LoraParts::like_weight(std::size_t rows, std::size_t inputs) const {
  Shape shape = weight().second;
  shape[0] = rows;
  shape[1] = inputs;
  return shape;
}

FactoredMatrix LoraParts::product(const Tensor& up, const Tensor& down, const Tensor* core, bool up_transposed, std::size_t rows,
                                  std::size_t inputs) const {
  const std::size_t rank = rank_of(down);
  FactoredMatrix matrix{.up = up.second, .down = down.second};
  if (!core) {
    check_shape(down, like_weight(rank, inputs));
    check_shape(up, {rows, rank});
    return matrix;
  }
  const std::size_t first = rank_of(*core);
  const Shape expected = like_weight(first, rank);
  if (core->second.shape.size() < 2 || without_ones(core->second.shape) != without_ones(expected))
    fail_for_shape(*core, to_string(expected), weight());
  check_shape(down, {rank, inputs});
  check_shape(up, up_transposed ? Shape{first, rows} : Shape{rows, first});
  matrix.core = core->second;
  matrix.up_transposed = up_transposed;
  return matrix;
}

void LoraParts::fail(const std::string& tensor, const std::string& problem) const {
  throw ModelError(file_.string() + ": tensor " + excerpt(tensor) + ": " + problem);
}

void LoraParts::fail_for_shape(const Tensor& tensor, const std::string& expected, const Weight& of) const {
  fail(tensor.first, "expected shape " + expected + " for " + of.first + " of " + to_string(of.second) + ", found " +
                         to_string(tensor.second.shape) + "; is it made for another model?");
}

void LoraParts::fail_alone() const {
  const auto* const part = std::ranges::find_if(parts_, [](const Tensor* tensor) { return tensor != nullptr; });
  fail((*part)->first, "expected with it the down and the up part of the same layer, found none");
}

}  // namespace p2p::engine
