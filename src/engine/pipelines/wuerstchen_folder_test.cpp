#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

/// A copy of a fixture that a test may damage.
class WuerstchenFolder : public testing::Test {
 protected:
  void copy(const std::string& model) const { fs::copy(golden::Model(model).folder, folder_.path(), fs::copy_options::recursive); }

  /// Puts a part of one model in place of another's.
  void replace(const fs::path& part, const fs::path& with) const {
    fs::remove_all(path(part));
    fs::copy(with, path(part), fs::copy_options::recursive);
  }

  void change(const fs::path& config, const std::string& key, const Json& value) const {
    Json json = read_json(path(config));
    json[key] = value;
    std::ofstream(path(config)) << json;
  }

  std::string load_error() const {
    return golden::error_of<ModelError>([&] { load_text_to_image(folder_.path(), {.precision = Precision::f32, .threads = 1}); });
  }

  fs::path path(const fs::path& part) const { return folder_.path() / part; }

  golden::TempFolder folder_;
};

TEST_F(WuerstchenFolder, LoadsInBothLayouts) {
  copy("a");
  EXPECT_EQ(load_error(), "no error");
  fs::remove_all(path("prior"));
  fs::remove_all(path("decoder"));
  copy("c");
  EXPECT_EQ(load_error(), "no error");
}

TEST_F(WuerstchenFolder, IsRefusedWithAPartMissing) {
  for (const char* part : {"prior/prior", "prior/scheduler", "prior/text_encoder", "prior/tokenizer", "decoder/decoder",
                           "decoder/scheduler", "decoder/text_encoder", "decoder/tokenizer", "decoder/vqgan"}) {
    copy("a");
    fs::remove_all(path(part));
    EXPECT_THAT(load_error(), HasSubstr(path(part).string())) << part;
    fs::remove_all(path("prior"));
    fs::remove_all(path("decoder"));
  }
  copy("c");
  fs::remove_all(path("vqgan"));
  EXPECT_THAT(load_error(), HasSubstr(path("vqgan").string()));
}

TEST_F(WuerstchenFolder, IsRefusedWithoutWhatTellsItsKind) {
  EXPECT_THAT(load_error(), HasSubstr("expected model_index.json, or prior/ and decoder/ that each hold one; found neither"));
  copy("a");
  fs::remove(path("decoder/model_index.json"));
  EXPECT_THAT(load_error(), HasSubstr("prior/ and decoder/ that each hold one"));
  std::ofstream(path("model_index.json")) << R"({"_class_name": "FluxPipeline"})";
  EXPECT_THAT(load_error(), AllOf(HasSubstr("_class_name: expected a pipeline of Stable Diffusion, WuerstchenCombinedPipeline"),
                                  HasSubstr("found \"FluxPipeline\"")));
  std::ofstream(path("model_index.json")) << R"({"_class_name": 7})";
  EXPECT_THAT(load_error(), HasSubstr("model_index.json: expected a text under the key _class_name"));
  fs::remove_all(folder_.path());
  EXPECT_THAT(load_error(), HasSubstr("there is no such file; check its name"));
}

TEST_F(WuerstchenFolder, IsRefusedWithPicklesAlone) {
  copy("a");
  fs::rename(path("prior/prior/diffusion_pytorch_model.safetensors"), path("prior/prior/diffusion_pytorch_model.bin"));
  EXPECT_THAT(load_error(), AllOf(HasSubstr("prior/prior"), HasSubstr("safetensors")));
}

TEST_F(WuerstchenFolder, IsRefusedWithPartsOfDifferentModels) {
  copy("a");
  const golden::Model b("b");
  replace("prior/prior", b.prior);
  EXPECT_THAT(load_error(), HasSubstr("config.json: c_cond: expected 12, the text encoder's hidden_size; found 8"));
  replace("prior/text_encoder", b.prior_text_encoder);
  EXPECT_THAT(load_error(), HasSubstr("decoder/config.json: effnet_embd: expected 16, the prior's c_in; found 6"));
  replace("decoder/decoder", b.decoder);
  EXPECT_THAT(load_error(), HasSubstr("decoder/config.json: clip_embd: expected 8, the text encoder's hidden_size; found 9"));
}

TEST_F(WuerstchenFolder, IsRefusedWhereWeightsDoNotFitTheConfig) {
  copy("a");
  change("prior/prior/config.json", "depth", 3);
  EXPECT_THAT(load_error(), AllOf(HasSubstr("prior/prior"), HasSubstr("the weights do not fit config.json"),
                                  HasSubstr("blocks.6.depthwise.weight: missing")));
  change("prior/prior/config.json", "depth", 1);
  EXPECT_EQ(load_error(), "no error") << "weights that the network does not use are left out, with a notice";
  change("prior/prior/config.json", "depth", 2);
  change("prior/prior/config.json", "c_r", 10);
  EXPECT_THAT(load_error(), HasSubstr("blocks.1.mapper.weight: expected shape [36, 10], found [36, 9]"));
}

}  // namespace
}  // namespace p2p::engine
