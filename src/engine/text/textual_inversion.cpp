#include "engine/text/textual_inversion.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/checkpoint/weights.hpp"

namespace p2p::engine {
namespace {

constexpr auto kUnnamed = "emb_params";
constexpr auto kInWebUi = "string_to_param.";  // of AUTOMATIC1111's pickles
constexpr auto kFirst = "clip_l";
constexpr auto kSecond = "clip_g";
constexpr std::size_t kMaxVectors = 1024;  // a chunk of a prompt has 75 tokens

TextualInversion::Vectors vectors_of(const Safetensors& file, const std::string& name) {
  const auto fail = [&](const std::string& problem) {
    throw ModelError(file.path.string() + ": tensor " + excerpt(name) + ": " + problem);
  };
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) fail("missing");
  const TensorView& view = found->second;
  if (!is_floating(view.dtype)) fail("expected a floating-point type, found " + std::string(name_of(view.dtype)));
  const Shape& shape = view.shape;
  const std::size_t count = shape.size() == 2 ? shape.front() : 1;
  if (shape.empty() || shape.size() > 2 || count == 0 || count > kMaxVectors || shape.back() == 0) {
    fail("expected [width] or [1 to " + std::to_string(kMaxVectors) + " vectors, width], found " + to_string(shape));
  }
  return {.values = to_floats(view), .count = count, .width = shape.back()};
}

}  // namespace

TextualInversion read_textual_inversion(const Safetensors& file, const std::string& token) {
  TextualInversion inversion{.file = file.path, .token = token, .encoders = {}};
  std::string name = file.path.stem().string();
  if (file.tensors.contains(kSecond) || (file.tensors.contains(kFirst) && file.tensors.size() > 1)) {
    inversion.encoders = {vectors_of(file, kFirst), vectors_of(file, kSecond)};
  } else if (!file.tensors.empty()) {
    const std::string& only = file.tensors.begin()->first;
    inversion.encoders = {vectors_of(file, only)};
    if (only != kUnnamed && only != kFirst && !only.starts_with(kInWebUi)) name = only;
  }
  if (inversion.encoders.empty() || file.tensors.size() != inversion.encoders.size()) {
    throw ModelError(file.path.string() + ": expected the one tensor of a textual inversion, or clip_l and clip_g, found " +
                     std::to_string(file.tensors.size()) + " tensors");
  }
  if (token.empty()) inversion.token = name;
  if (inversion.token.empty()) throw ModelError(file.path.string() + ": expected a token's name, found an empty one");
  return inversion;
}

}  // namespace p2p::engine
