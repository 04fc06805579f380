#include "engine/pipelines/stable_diffusion/lora_tags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/testing/golden.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LoraTags : public testing::Test {
 protected:
  LoraTags() {
    std::filesystem::create_directories(temp_.path() / "loras/folder.safetensors");
    for (const char* name : {"outside", "loras/a", "loras/лиса 2.5", "loras/.hidden"})
      std::ofstream(temp_.path() / (std::string(name) + ".safetensors")) << "x";
  }

  /// The prompt that is left.
  std::string take(const std::string& prompt, bool with_folder = true) {
    GenerateParams params;
    params.prompt = prompt;
    notices_.clear();
    take_lora_tags(params, with_folder ? temp_.path() / "loras" : std::filesystem::path(), notices_);
    loras_ = params.loras;
    return params.prompt;
  }
  Lora in_folder(const std::string& name, double weight) const { return {temp_.path() / "loras" / (name + ".safetensors"), weight}; }

  golden::TempFolder temp_;
  std::vector<Lora> loras_;
  std::vector<Sentence> notices_;
};

TEST_F(LoraTags, NameFilesOfTheFolder) {
  EXPECT_EQ(take("a <lora:a:0.5>fox<lora:лиса 2.5> <lora:a:-1>"), "a fox ");
  EXPECT_THAT(loras_, ElementsAre(in_folder("a", 0.5), in_folder("лиса 2.5", 1), in_folder("a", -1)));
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(LoraTags, OthersAreTextAsItIs) {
  for (const char* prompt : {"", "a <fox>", "<lora>", "a <lora:a:1", "lora:a", "<lora:>", "<a b:c>", "a < b:c > d", "<é:a>"})
    EXPECT_EQ(take(prompt), prompt);
  EXPECT_THAT(loras_, IsEmpty());
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(LoraTags, NeverLeadElsewhere) {
  const std::string absolute = (temp_.path() / "outside").string();
  for (const std::string& name : {std::string("../outside"), absolute, std::string("./a"), std::string(".hidden"), std::string("x/../a"),
                                  std::string("..\\outside"), std::string("folder"), std::string("none"), std::string("a\0", 2)}) {
    EXPECT_EQ(take("x<lora:" + name + ">y<lora:" + name + ":2>z"), "xyz") << name;
    EXPECT_THAT(loras_, IsEmpty()) << name;
    EXPECT_THAT(notices_, SizeIs(2)) << name;
    EXPECT_THAT(notices_, Each(testing::Field(&Sentence::text, HasSubstr("there is no LoRA called \"")))) << name;
  }
  take("<lora:a>", false);
  EXPECT_THAT(loras_, IsEmpty());
  EXPECT_THAT(notices_, ElementsAre("there is no LoRA called \"a\""));
}

TEST_F(LoraTags, WeightsAreNumbers) {
  for (const std::string weight : {"", "x", "1 ", "0x1", "1e999"}) {
    EXPECT_EQ(take("<lora:a:" + weight + ">"), "");
    EXPECT_THAT(loras_, IsEmpty()) << weight;
    EXPECT_THAT(notices_, ElementsAre("the LoRA \"a\" was left out: expected a number as its weight, found \"" + weight + "\""));
  }
}

// AUTOMATIC1111's order: the text encoders' weight first.
TEST_F(LoraTags, MayHaveTwoWeights) {
  const auto both = [&](double unet, double text) {
    Lora lora = in_folder("a", unet);
    lora.text_weight = text;
    return lora;
  };
  EXPECT_EQ(take("<lora:a:0.25:0.5><lyco:a:2:2><lora:a:te=0.5><lora:a:unet=0.5><lora:a:0.1:0.2:te=3:unet=4>"), "");
  EXPECT_THAT(loras_, ElementsAre(both(0.5, 0.25), in_folder("a", 2), in_folder("a", 0.5), both(0.5, 1), both(4, 3)));
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(LoraTags, SayWhatIsLeftOut) {
  EXPECT_EQ(take("x <lora:a:0.5:lbw=MIDD> <lora:a:1:1:8> <hypernet:style:0.5> <wildcard:b> y"), "x     y");
  EXPECT_THAT(loras_, ElementsAre(in_folder("a", 0.5), in_folder("a", 1)));
  const std::string options = "the LoRA \"a\": only its weights were used; block weights and other options were left out";
  EXPECT_THAT(notices_,
              ElementsAre(options, options, "\"<hypernet:style:0.5>\" in the prompt was left out: only <lora:NAME:WEIGHT> is known",
                          "\"<wildcard:b>\" in the prompt was left out: only <lora:NAME:WEIGHT> is known"));
  GenerateParams params{.prompt = "x", .negative_prompt = "<lora:a:1>"};
  std::vector<Sentence> notices;
  take_lora_tags(params, temp_.path() / "loras", notices);
  EXPECT_EQ(params.negative_prompt, "<lora:a:1>");
  EXPECT_THAT(notices, ElementsAre("LoRAs are read in the prompt only; those in the negative prompt were read as words"));
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
