#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/testing/temp_folder.hpp"
#include "engine/checkpoint/weights.hpp"
#include "engine/testing/errors.hpp"

namespace p2p::engine {
class Graph;
}

// What tests of the engine share: numbers that torch made (tests/golden), folders of their own, graphs run by name.
namespace p2p::engine::golden {

/// A file of tests/golden, such as "wuerstchen/a.safetensors".
std::filesystem::path file(const std::string& name);

/// One of the tiny Würstchens of tests/golden/wuerstchen, in either layout.
struct Model {
  explicit Model(const std::string& name);

  std::string name;
  std::filesystem::path folder;
  std::filesystem::path prior, prior_text_encoder, decoder, text_encoder, vqgan;
};

/// Tensors that torch made.
class Tensors {
 public:
  explicit Tensors(const std::string& name) : file_(open_safetensors(file(name))) {}

  std::vector<float> floats(const std::string& key) const { return to_floats(at(key)); }
  std::vector<std::int64_t> integers(const std::string& key) const;
  /// [N, C, H, W] as [N, H, W, C].
  std::vector<float> channels_last(const std::string& key) const;
  const Shape& shape(const std::string& key) const { return at(key).shape; }
  const engine::Tensors& all() const { return file_.tensors; }

 private:
  const TensorView& at(const std::string& key) const;

  Safetensors file_;
};

/// Whether no value is further from the expected one than `tolerance` times the largest of those.
testing::AssertionResult near(std::span<const float> found, std::span<const float> expected, double tolerance = 2e-4);

using Values = std::map<std::string, std::vector<float>>;
/// Compiles in f32 and runs once with `inputs`; the outputs of these names.
Values run(const Graph& graph, const Values& inputs, const std::vector<std::string>& outputs);

using p2p::TempFolder;

/// A checkpoint that a test writes, tensor by tensor.
class Checkpoint {
 public:
  Checkpoint& add(const std::string& name, const Shape& shape, std::span<const float> values, DType dtype = DType::f32);
  Checkpoint& add_bytes(const std::string& name, const Shape& shape, const std::string& bytes, DType dtype);
  void write(const std::filesystem::path& path) const;
  /// Writes and opens; the mapping outlives the folder.
  Weights weights() const;

 private:
  struct Entry {
    DType dtype;
    Shape shape;
    std::string bytes;
  };
  std::map<std::string, Entry> tensors_;
};

}  // namespace p2p::engine::golden
