#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <optional>

#include "base/error.hpp"
#include "engine/checkpoint/single_file.hpp"
#include "engine/graph/graph.hpp"
#include "engine/models/clip_text.hpp"
#include "engine/models/stable_diffusion/autoencoder_kl.hpp"
#include "engine/models/stable_diffusion/unet.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using golden::error_of;
using testing::AllOf;
using testing::HasSubstr;

const fs::path kClip = golden::file("stable_diffusion/sdxl");

fs::path fixture(const std::string& name) { return golden::file("single_file/" + name); }

Image draw(const fs::path& model, std::uint64_t seed) {
  const auto loaded = load_text_to_image(model, {.precision = Precision::f32, .threads = 2, .clip_tokenizers = kClip});
  GenerateParams params;
  params.prompt = "a red fox, on a blue background";
  params.negative_prompt = "blurry, ugly";
  params.seed = seed;
  params.width = 48;
  params.height = 64;
  params.steps = 3;
  params.guidance = 5;
  return loaded->generate(params).image;
}

/// What a file holds, as a folder of diffusers' layout.
void write_folder(const SingleFile& file, const fs::path& folder) {
  const Json index = published_model_index(file.family(), file.default_scheduler().at("_class_name"));
  fs::create_directories(folder / "scheduler");
  std::ofstream(folder / "scheduler/scheduler_config.json") << file.default_scheduler();
  std::ofstream(folder / "model_index.json") << index;
  for (const auto& [name, entry] : index.items()) {
    if (name.starts_with("tokenizer")) fs::copy(file.tokenizer(name, kClip), folder / name);
    if (name != "unet" && name != "vae" && !name.starts_with("text_encoder")) continue;
    const Component component = file.component(name);
    golden::Checkpoint weights;
    for (const auto& [tensor, held] : component.weights.tensors) {
      weights.add_bytes(tensor, held.view.shape, {reinterpret_cast<const char*>(held.view.data.data()), held.view.data.size()},
                        held.view.dtype);
    }
    fs::create_directory(folder / name);
    Json config = component.config.json();
    if (name == "vae") config["_class_name"] = "AutoencoderKL";  // what it is alone, without the index
    std::ofstream(folder / name / "config.json") << config;
    weights.write(folder / name / "model.safetensors");
  }
}

class SingleFilePicture : public testing::TestWithParam<std::pair<const char*, std::uint64_t>> {};

TEST_P(SingleFilePicture, IsWhatDiffusersDrawsAndTheFolderToo) {
  const auto [name, seed] = GetParam();
  const fs::path file = fixture(name + std::string(".safetensors"));
  const Image picture = draw(file, seed);
  EXPECT_TRUE(golden::same_picture(picture, golden::read_png(fixture(name + std::string(".png")))));
  const golden::TempFolder temp;
  write_folder(SingleFile(file), temp.path());
  EXPECT_EQ(draw(temp.path(), seed).rgb, picture.rgb);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SingleFilePicture,
                         testing::Values(std::pair("sd1", 0), std::pair("sd2", 1), std::pair("sdxl", 2), std::pair("ssd1b", 3),
                                         std::pair("tiny", 4)),
                         [](const auto& test) { return std::string(test.param.first); });

/// A file's tensors, to be written again with changes.
class Rewritten {
 public:
  explicit Rewritten(const std::string& name) : file_(open_safetensors(fixture(name))) {}

  /// Each tensor, as `change` returns it; not those for which it returns nothing.
  void write(const fs::path& path, const std::function<std::optional<TensorView>(std::string& name, const TensorView&)>& change) const {
    golden::Checkpoint out;
    for (const auto& [name, view] : file_.tensors) {
      std::string renamed = name;
      const auto changed = change(renamed, view);
      if (!changed) continue;
      out.add_bytes(renamed, changed->shape, {reinterpret_cast<const char*>(changed->data.data()), changed->data.size()}, changed->dtype);
    }
    for (const auto& [extra, shape] : extras) out.add(extra, shape, std::vector<float>(byte_size(DType::i8, shape)));
    out.write(path);
  }

  std::vector<std::pair<std::string, Shape>> extras;  ///< further tensors

 private:
  Safetensors file_;
};

GenerateResult draw_with(const fs::path& model, const fs::path& vae = {}) {
  const auto loaded = load_text_to_image(model, {.precision = Precision::f32, .threads = 2, .vae = vae, .clip_tokenizers = kClip});
  GenerateParams params;
  params.prompt = "a red fox";
  params.width = params.height = 64;
  params.steps = 2;
  return loaded->generate(params);
}

TEST(SingleFileWith, StrayTensorsDrawsTheSameAndSaysSo) {
  const golden::TempFolder temp;
  const fs::path path = temp.path() / "model.safetensors";
  Rewritten file("sdxl.safetensors");
  file.extras = {{"epoch", {1}},
                 {"optimizer.step", {2}},
                 {"conditioner.embedders.1.model.transformer.text_model.embeddings.position_ids", {1, 77}},
                 {"first_stage_model.decoder.extra.weight", {3}},
                 {"model.diffusion_model.control.weight", {3}}};
  file.write(path, [](std::string&, const TensorView& view) { return view; });
  const GenerateResult found = draw_with(path), expected = draw_with(fixture("sdxl.safetensors"));
  EXPECT_EQ(found.image.rgb, expected.image.rgb);
  EXPECT_THAT(expected.notices, testing::IsEmpty());
  ASSERT_THAT(found.notices, testing::SizeIs(1));
  EXPECT_EQ(found.notices[0].text, "model.safetensors has tensors that its networks do not use (5), such as \"epoch\"; they were left out");
}

// The upper halves of F16 are F8_E5M2.
TEST(SingleFileWith, OtherTypesDrawsTheSame) {
  const golden::TempFolder temp;
  const fs::path path = temp.path() / "model.safetensors";
  const Rewritten file("sd1.safetensors");
  std::vector<std::byte> bytes;
  const auto cut = [&](const TensorView& view, bool f8) -> std::optional<TensorView> {
    if (view.dtype != DType::f16) return view;
    bytes.clear();
    for (std::size_t i = 1; i < view.data.size(); i += 2) {
      if (!f8) bytes.push_back(std::byte{0});
      bytes.push_back(view.data[i]);
    }
    return TensorView{f8 ? DType::f8_e5m2 : DType::f16, view.shape, bytes};
  };
  file.write(path, [&](std::string&, const TensorView& view) { return cut(view, false); });
  const Image expected = draw_with(path).image;
  file.write(path, [&](std::string&, const TensorView& view) { return cut(view, true); });
  EXPECT_TRUE(golden::same_picture(draw_with(path).image, expected));
  std::vector<double> doubles;
  file.write(path, [&](std::string&, const TensorView& view) -> std::optional<TensorView> {
    if (view.dtype != DType::f16) return view;
    const auto floats = to_floats(*cut(view, false));
    doubles.assign(floats.begin(), floats.end());
    return TensorView{DType::f64, view.shape, std::as_bytes(std::span(doubles))};
  });
  EXPECT_TRUE(golden::same_picture(draw_with(path).image, expected));
}

TEST(SingleFileWith, AVaeOfItsOwnDrawsTheSame) {
  const golden::TempFolder temp;
  const fs::path model = temp.path() / "model.safetensors", vae = temp.path() / "vae.safetensors", folder = temp.path() / "folder";
  const Rewritten file("sd1.safetensors");
  const auto is_vae = [](const std::string& name) { return name.starts_with("first_stage_model."); };
  file.write(model, [&](std::string& name, const TensorView& view) { return is_vae(name) ? std::nullopt : std::optional(view); });
  const Image expected = draw_with(fixture("sd1.safetensors")).image;

  write_folder(SingleFile(fixture("sd1.safetensors")), folder);
  EXPECT_EQ(draw_with(model, folder / "vae").image.rgb, expected.rgb);
  EXPECT_EQ(draw_with(model, folder / "vae/model.safetensors").image.rgb, expected.rgb) << "diffusers' layout";
  for (const std::size_t removed : {std::size_t{0}, std::string_view("first_stage_model.").size()}) {
    file.write(vae, [&](std::string& name, const TensorView& view) -> std::optional<TensorView> {
      if (!is_vae(name)) return {};
      name.erase(0, removed);
      return view;
    });
    EXPECT_EQ(draw_with(model, vae).image.rgb, expected.rgb) << removed;
  }
  EXPECT_EQ(draw_with(model, fixture("sd1.safetensors")).image.rgb, expected.rgb) << "another whole model's";
  EXPECT_THAT(error_of<ModelError>([&] { draw_with(model); }), HasSubstr("has no VAE (first_stage_model.), so it needs one of another"));
}

/// A file of the published size, all zeros.
struct Published {
  explicit Published(const std::string& family) : file{family + ".safetensors", {}, {}} {
    std::ifstream in(fixture(family + "-names.txt"));
    for (std::string line; std::getline(in, line);) {
      const std::size_t space = line.find(' ');
      memory.push_back(allocate_tensor(DType::f16, parse_json(line.substr(space), line).get<Shape>()).tensor);
      file.tensors.emplace(line.substr(0, space), memory.back().view);
    }
  }

  std::vector<Weights::Tensor> memory;
  Safetensors file;
};

/// Throws for whatever is missing or left over. Not ClipText, which would compile it.
ClipTextConfig check_text_encoder(Component component, ClipTextOutputs outputs) {
  const auto config = ClipTextConfig::load(component.config);
  Weights weights(std::move(component.weights));
  Graph graph("text encoder");
  const Scope root(weights, graph);
  build_clip_text(config, 77, root / "text_model", outputs);
  const Scope embeddings = root / "text_model" / "embeddings";
  (embeddings / "token_embedding").tensor("weight", {config.vocab_size, config.hidden_size});
  (embeddings / "position_embedding").tensor("weight", {config.max_position_embeddings, config.hidden_size});
  if (outputs.text_embeds) (root / "text_projection").tensor("weight", {config.projection_dim, config.hidden_size});
  weights.finish();
  return config;
}

TEST(SingleFileTopology, OfPublishedSizesLeavesNothingOver) {
  const struct {
    const char* family;
    std::vector<std::size_t> heads;
    std::size_t sample_size, layers, text_heads;
  } rows[] = {{"sd1", {8, 8, 8, 8}, 64, 12, 12},   {"sd2", {5, 10, 20, 20}, 96, 23, 16}, {"sdxl", {5, 10, 20}, 128, 12, 12},
              {"ssd1b", {5, 10, 20}, 128, 12, 12}, {"vega", {5, 10, 20}, 128, 12, 12},   {"tiny", {8, 8, 8}, 64, 12, 12},
              {"small", {8, 8, 8, 8}, 64, 12, 12}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.family);
    const Published published(row.family);
    const SingleFile file(published.file);
    const stable_diffusion::Unet unet(file.component("unet"));
    EXPECT_EQ(unet.config().heads, row.heads);
    EXPECT_EQ(unet.config().sample_size[0], row.sample_size);
    const stable_diffusion::AutoencoderKl vae(file.component("vae"));
    EXPECT_EQ(vae.config().upscale(), 8);
    EXPECT_EQ(vae.config().scaling_factor, file.family() == OriginalFamily::sdxl ? 0.13025F : 0.18215F);
    const ClipTextConfig text = check_text_encoder(file.component("text_encoder"), {});
    EXPECT_EQ(text.num_hidden_layers, row.layers);
    EXPECT_EQ(text.num_attention_heads, row.text_heads);
    EXPECT_EQ(text.quick_gelu, std::string(row.family) != "sd2");
    if (file.family() != OriginalFamily::sdxl) continue;
    const ClipTextConfig second = check_text_encoder(file.component("text_encoder_2"), {.penultimate = true, .text_embeds = true});
    EXPECT_EQ(second.num_hidden_layers, 32U);
    EXPECT_EQ(second.num_attention_heads, 20U);
    EXPECT_EQ(second.projection_dim, 1280U);
    EXPECT_FALSE(second.quick_gelu);
  }
}

TEST(SingleFileModel, IsRefusedWhereItIsNone) {
  EXPECT_THAT(error_of<ModelError>([] { load_text_to_image("/nonexistent.safetensors"); }), HasSubstr("/nonexistent.safetensors"));
  EXPECT_THAT(error_of<ModelError>([] { load_text_to_image(fixture("sd1.png")); }),
              AllOf(HasSubstr("expected a model, which is a .safetensors file or a folder"), HasSubstr("found ")));
  EXPECT_THAT(error_of<ModelError>([] { load_text_to_image(fixture("sd1.safetensors")); }), HasSubstr("has no tokenizer"));
  const golden::TempFolder temp;
  const fs::path file = temp.path() / "m.safetensors";
  fs::copy(fixture("sd1.safetensors"), file);
  std::ofstream(temp.path() / "m.prompt2pic.json") << R"({"steps": 0})";
  EXPECT_THAT(error_of<ModelError>([&] { load_text_to_image(file, {.clip_tokenizers = kClip}); }), HasSubstr("m.prompt2pic.json: steps"));
}

}  // namespace
}  // namespace p2p::engine
