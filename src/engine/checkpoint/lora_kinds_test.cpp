#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/checkpoint/lora.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using golden::Checkpoint;
using golden::error_of;
using golden::TempFolder;
using testing::HasSubstr;

constexpr std::string_view kOriginal = "original/";

/// Of tools/golden/lora_kinds.py.
class LoraKinds : public testing::Test {
 protected:
  LoraKinds() {
    for (const auto& [name, view] : all_.tensors) {
      if (name.starts_with(kOriginal)) model_["unet"][name.substr(kOriginal.size())] = view.shape;
    }
  }

  LoraFile read(const std::string& name) const {
    Safetensors file{.path = name, .file = all_.file, .tensors = {}, .metadata = {}};
    for (const auto& [key, view] : all_.tensors) {
      if (key.starts_with(name + "/")) file.tensors.emplace(key.substr(name.size() + 1), view);
    }
    return read_lora(file, model_);
  }

  std::vector<float> changed(const LoraFile& lora, const std::string& tensor, float weight, int threads = 1) const {
    WeightPatches patches(DType::f32, threads);
    for (const LoraChange& change : lora.changes) patches.add(change.weight, weight_change(change.change, weight));
    return to_floats(patches.apply(tensor, {all_.tensors.at(std::string(kOriginal) + tensor), all_.file}).view);
  }

  Safetensors all_ = open_safetensors(golden::file("lora/kinds.safetensors"));
  LoraModel model_;
};

TEST_F(LoraKinds, AreWhatLycorisAndPeftMakeOfThem) {
  std::size_t compared = 0;
  for (const auto& [name, weight] : read_json(golden::file("lora/kinds.json")).items()) {
    SCOPED_TRACE(name);
    const LoraFile lora = read(name);
    EXPECT_THAT(lora.unknown, testing::IsEmpty());
    for (const auto& [key, view] : all_.tensors) {
      if (!key.starts_with(name + ":")) continue;
      const std::string tensor = key.substr(name.size() + 1);
      EXPECT_TRUE(golden::near(changed(lora, tensor, weight), to_floats(view), 1e-5)) << tensor;
      EXPECT_FALSE(golden::near(changed(lora, tensor, 0), to_floats(view), 1e-2)) << tensor;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 70U);
}

TEST_F(LoraKinds, ChangeNothingWithoutWeight) {
  for (const auto& [name, weight] : read_json(golden::file("lora/kinds.json")).items()) {
    if (name.starts_with("peft-dora")) continue;  // its magnitudes stay, as in peft
    const LoraFile lora = read(name);
    for (const LoraChange& change : lora.changes)
      EXPECT_EQ(changed(lora, change.weight, 0), to_floats(all_.tensors.at(std::string(kOriginal) + change.weight))) << name;
  }
}

/// A file for a convolution [4, 6, 3, 3] and a matrix [4, 6].
class LoraKindsOf : public testing::Test {
 protected:
  std::string error(const std::string& parts) const {
    Checkpoint file;
    std::istringstream words(parts);
    for (std::string part; words >> part;) {
      const std::size_t open = part.find('[');
      Shape shape;
      std::istringstream numbers(part.substr(open + 1));
      for (std::size_t number = 0; numbers >> number; numbers.ignore()) shape.push_back(number);
      file.add(part.substr(0, open), shape, std::vector<float>(byte_size(DType::i8, shape)));
    }
    file.write(folder_.path() / "x.safetensors");
    return error_of<ModelError>([&] {
      read_lora(open_safetensors(folder_.path() / "x.safetensors"),
                {{"unet", {{"conv.weight", {4, 6, 3, 3}}, {"conv.bias", {4}}, {"matrix.weight", {4, 6}}}}});
    });
  }

  TempFolder folder_;
};

TEST_F(LoraKindsOf, RefusesPartsThatDoNotFit) {
  const struct {
    const char* parts;
    const char* problem;
  } rows[] = {
      {"matrix.dora_scale[4,1]", "expected with it the down and the up part"},
      {"matrix.lora_A.weight[2,6] matrix.lora_B.weight[4,2] matrix.dora_scale[6,1]", "expected shape [4, 1] or [1, 6]"},
      {"matrix.lora_A.weight[2,6] matrix.lora_B.weight[4,2] matrix.dora_scale[1,4]", "expected shape [4, 1] or [1, 6]"},
      {"matrix.lora_A.weight[2,6] matrix.lora_B.weight[4,2] matrix.lora_magnitude_vector[6]", "expected shape [4, 1] or [1, 6]"},
      {"conv.lora_up.weight[4,2] conv.lora_down.weight[2,6] conv.lora_mid.weight[2,3,3,3]", "expected shape [2, 2, 3, 3]"},
      {"conv.lora_up.weight[4,2] conv.lora_down.weight[2,6] conv.lora_mid.weight[0,2,3,3]", "expected a rank"},
      {"conv.lora_up.weight[4,2] conv.lora_down.weight[2,5] conv.lora_mid.weight[2,2,3,3]", "expected shape [2, 6]"},
      {"conv.hada_w1_a[4,2]", "expected with it the other hada_ tensors"},
      {"conv.hada_w1_a[4,2] conv.hada_w1_b[2,54] conv.hada_w2_a[4,2] conv.hada_w2_b[2,53]", "expected shape [2, 6, 3, 3]"},
      {"conv.hada_w1_a[2,4] conv.hada_w1_b[2,6] conv.hada_w2_a[2,4] conv.hada_w2_b[2,6] conv.hada_t1[2,2,3,3]", "expected with it"},
      {"matrix.lokr_w1[2,3]", "expected with it the other lokr_ tensors"},
      {"matrix.lokr_w1[3,3] matrix.lokr_w2[2,2]", "expected shape [a divisor of 4, one of 6]"},
      {"matrix.lokr_w1[0,3] matrix.lokr_w2[2,2]", "expected a matrix, found shape [0, 3]"},
      {"matrix.lokr_w1[2] matrix.lokr_w2[2,6]", "expected a matrix"},
      {"matrix.lokr_w1[2,3] matrix.lokr_w2[2,3]", "expected shape [2, 2]"},
      {"matrix.lokr_w1_a[2,1] matrix.lokr_w1_b[2,3] matrix.lokr_w2[2,2]", "expected shape [2, 2]"},
      {"conv.lokr_w1[2,3] conv.lokr_w2_a[2,1] conv.lokr_w2_b[1,17]", "expected shape [1, 2, 3, 3]"},
      {"matrix.a1.weight[6,2] matrix.a2.weight[2,6] matrix.b1.weight[4,2]", "expected with it a1, a2, b1 and b2"},
      {"matrix.a1.weight[4,2] matrix.a2.weight[2,6] matrix.b1.weight[4,2] matrix.b2.weight[2,6]", "expected shape [6, 2]"},
      {"matrix.on_input[1] matrix.weight[4] matrix.lora_A.weight[0,0] ", "expected with it the up part"},
      {"matrix.on_input[1] matrix.weight[6]", "expected shape [4]"},
      {"matrix.on_input[1]", "expected with it the weight"},
      {"conv.diff[4,6,3]", "expected shape [4, 6, 3, 3] for conv.weight"},
      {"conv.diff_b[5]", "expected shape [4] for conv.bias"},
  };
  for (const auto& row : rows) EXPECT_THAT(error(row.parts), HasSubstr(row.problem)) << row.parts;
}

}  // namespace
}  // namespace p2p::engine
