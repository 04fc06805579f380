#include "engine/pipelines/stable_diffusion/pipeline_class.hpp"

#include <gmock/gmock.h>

namespace p2p::engine::stable_diffusion {
namespace {

TEST(PipelineClass, IsReadAsTheFamilyOfItsNetworks) {
  for (const char* name : {"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline",
                           "StableDiffusionInpaintPipelineLegacy", "StableDiffusionPipelineSafe", "StableDiffusionPAGPipeline"})
    EXPECT_EQ(family_of_pipeline(name), Family::stable_diffusion) << name;
  for (const char* name : {"StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline",
                           "StableDiffusionXLPAGPipeline"})
    EXPECT_EQ(family_of_pipeline(name), Family::xl) << name;
  for (const char* name : {"LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline"})
    EXPECT_EQ(family_of_pipeline(name), Family::latent_consistency) << name;
}

TEST(PipelineClass, OfOtherNetworksIsNamed) {
  for (const auto& [name, what] : {std::pair{"FluxPipeline", "Flux"},
                                   {"FluxImg2ImgPipeline", "Flux"},
                                   {"StableDiffusion3Pipeline", "Stable Diffusion 3"},
                                   {"StableDiffusionControlNetPipeline", "a model with a ControlNet"},
                                   {"StableDiffusionXLControlNetPipeline", "a model with a ControlNet"},
                                   {"StableDiffusionUpscalePipeline", "an upscaler"},
                                   {"StableDiffusionLatentUpscalePipeline", "an upscaler"},
                                   {"StableDiffusionDepth2ImgPipeline", "led by a map of depth"},
                                   {"StableDiffusionInstructPix2PixPipeline", "InstructPix2Pix"},
                                   {"StableVideoDiffusionPipeline", "a model of videos"},
                                   {"StableUnCLIPPipeline", "a model of the unCLIP kind"},
                                   {"KandinskyV22Pipeline", "Kandinsky"}}) {
    EXPECT_FALSE(family_of_pipeline(name)) << name;
    EXPECT_EQ(describe_pipeline(name), '"' + std::string(name) + "\", which is " + what);
  }
  for (const char* name : {"", "Pipeline", "StableDiffusion", "StableDiffusionPipelineX", "SomethingNewPipeline"}) {
    EXPECT_FALSE(family_of_pipeline(name)) << name;
    EXPECT_EQ(describe_pipeline(name), '"' + std::string(name) + '"');
  }
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
