// Input: names, types (F16 if there is none) and shapes of a single-file checkpoint or a VAE, a line each. Result: components whose tensors
// lie inside the file's tensors or have the size of their shape and can be read, or a ModelError.

#include <sstream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/checkpoint/floats.hpp"
#include "engine/checkpoint/single_file.hpp"
#include "engine/checkpoint/vae_file.hpp"
#include "engine/checkpoint/weight_scales.hpp"
#include "engine/models/stable_diffusion/unet_config.hpp"
#include "fuzz/check.hpp"

namespace {

using namespace p2p::engine;

Safetensors read(std::string_view text) {
  static const std::vector<std::byte> kZeros(1 << 16);
  Safetensors file{.path = "/nonexistent/x.safetensors", .file = {}, .tensors = {}};
  while (!text.empty()) {
    std::istringstream line{std::string(fuzz::next_line(text))};
    std::string name;
    std::string type;
    line >> name >> type;
    const DType dtype = dtype_named(type).value_or(DType::f16);
    if (!dtype_named(type)) {
      line.clear();
      line.seekg(static_cast<std::streamoff>(name.size()));
    }
    Shape shape;
    for (std::size_t n = 0; line >> n;) shape.push_back(n);
    const std::size_t bytes = byte_size(dtype, shape);
    if (bytes <= kZeros.size()) file.tensors[name] = {dtype, shape, std::span(kZeros).first(bytes)};
  }
  apply_weight_scales(file.tensors, file.path);
  return file;
}

void check(const Component& component) {
  for (const auto& [tensor, entry] : component.weights.tensors) {
    fuzz::check(entry.view.data.size() == byte_size(entry.view.dtype, entry.view.shape));
    if (is_floating(entry.view.dtype)) to_floats(entry.view);
  }
}

void use(const SingleFile& file, const std::string& name) {
  try {
    const Component component = file.component(name);
    check(component);
    if (name == "unet") stable_diffusion::UnetConfig::load(component.config);
  } catch (const p2p::ModelError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check(open_vae_file(read(fuzz::text_of(data, size)), OriginalFamily::sd1).component);
  } catch (const p2p::ModelError& error) {
    fuzz::check(std::string_view(error.what()).size() < 8192);
  }
  try {
    const SingleFile file(read(fuzz::text_of(data, size)));
    for (const char* name : {"unet", "vae", "text_encoder", "text_encoder_2"}) use(file, name);
  } catch (const p2p::ModelError& error) {
    fuzz::check(std::string_view(error.what()).size() < 8192);
  }
  return 0;
}
