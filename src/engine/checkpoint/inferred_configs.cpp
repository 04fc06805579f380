#include "engine/checkpoint/inferred_configs.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace p2p::engine {
namespace {

// The shapes do not show the number of heads. Stable Diffusion 1 always has eight; other published models have 64 channels per head.
constexpr std::size_t kHeads = 8;
constexpr std::size_t kHeadWidth = 64;
constexpr std::array<std::size_t, 3> kSides{512, 768, 1024};  // px, by OriginalFamily: what the published ones were trained on

std::size_t heads_of(std::size_t channels) { return std::max<std::size_t>(channels / kHeadWidth, 1); }

/// Values inferred from names and shapes.
class TensorShapes {
 public:
  explicit TensorShapes(const WeightFiles& files) : files_(files) {}

  bool has(const std::string& prefix) const {
    const auto found = files_.tensors.lower_bound(prefix);
    return found != files_.tensors.end() && found->first.starts_with(prefix);
  }

  /// How many of PREFIX0., PREFIX1. and so on there are.
  std::size_t count(const std::string& prefix) const {
    std::size_t n = 0;
    while (has(prefix + std::to_string(n) + ".")) ++n;
    return n;
  }

  std::size_t size(const std::string& name, std::size_t axis) const {
    const auto found = files_.tensors.find(name);
    if (found == files_.tensors.end()) fail(name, "missing");
    const Shape& shape = found->second.view.shape;
    if (axis >= shape.size()) fail(name, "expected at least " + std::to_string(axis + 1) + " dimensions, found " + to_string(shape));
    return shape[axis];
  }

  std::size_t rank(const std::string& name) const {
    const auto found = files_.tensors.find(name);
    return found == files_.tensors.end() ? 0 : found->second.view.shape.size();
  }

  /// The first whose name ends so; empty if there is none.
  std::string find(std::string_view ending) const {
    const auto found = std::ranges::find_if(files_.tensors, [&](const auto& tensor) { return tensor.first.ends_with(ending); });
    return found == files_.tensors.end() ? "" : found->first;
  }

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& problem) const {
    throw ModelError(files_.folder.string() + ": " + name + ": " + problem + "; the network's size is read from it");
  }

  const WeightFiles& files_;
};

/// The depth of each transformer of a block; 1 for a block without, which does not matter.
Json depths_of(const TensorShapes& tensors, const std::string& block) {
  Json depths = Json::array();
  const std::size_t count = tensors.count(block + ".attentions.");
  for (std::size_t j = 0; j < count; ++j)
    depths.push_back(tensors.count(block + ".attentions." + std::to_string(j) + ".transformer_blocks."));
  return depths.empty() ? Json(1) : depths;
}

void infer_depths(const TensorShapes& tensors, std::size_t levels, Json& config) {
  Json& down = config["transformer_layers_per_block"];
  Json& up = config["reverse_transformer_layers_per_block"];
  for (std::size_t i = 0; i < levels; ++i) {
    down.push_back(depths_of(tensors, "down_blocks." + std::to_string(i)));
    up.push_back(depths_of(tensors, "up_blocks." + std::to_string(i)));
  }
  // The last level's is the middle's as well.
  const std::size_t middle = tensors.count("mid_block.attentions.0.transformer_blocks.");
  if (levels > 0 && !down.back().is_array()) down.back() = std::max<std::size_t>(middle, 1);
}

}  // namespace

Json infer_unet_config(const WeightFiles& unet, OriginalFamily family) {
  const TensorShapes tensors(unet);
  const std::string cross_attention = tensors.find(".attn2.to_k.weight");
  const std::string projection = tensors.find(".proj_in.weight");
  const std::size_t levels = tensors.count("down_blocks.");
  Json config{
      {"in_channels", tensors.size("conv_in.weight", 1)},
      {"out_channels", tensors.size("conv_out.weight", 0)},
      {"cross_attention_dim", tensors.size(cross_attention.empty() ? "attn2.to_k.weight" : cross_attention, 1)},
      {"use_linear_projection", tensors.rank(projection) == 2},
  };
  for (std::size_t i = 0; i < levels; ++i) {
    const std::string down = "down_blocks." + std::to_string(i);
    const std::size_t channels = tensors.size(down + ".resnets.0.conv1.weight", 0);
    config["block_out_channels"].push_back(channels);
    config["attention_head_dim"].push_back(family == OriginalFamily::sd1 ? kHeads : heads_of(channels));
    config["layers_per_block"].push_back(tensors.count(down + ".resnets."));
    config["down_block_types"].push_back(tensors.has(down + ".attentions.") ? "CrossAttnDownBlock2D" : "DownBlock2D");
    config["up_block_types"].push_back(tensors.has("up_blocks." + std::to_string(i) + ".attentions.") ? "CrossAttnUpBlock2D" : "UpBlock2D");
  }
  infer_depths(tensors, levels, config);
  if (!tensors.has("mid_block.attentions.")) config["mid_block_type"] = tensors.has("mid_block.") ? Json("UNetMidBlock2D") : Json();
  config["sample_size"] = kSides[static_cast<std::size_t>(family)] / 8;
  if (tensors.has("add_embedding.")) {
    config["addition_embed_type"] = "text_time";
    config["addition_time_embed_dim"] = 256;
    config["projection_class_embeddings_input_dim"] = tensors.size("add_embedding.linear_1.weight", 1);
  }
  return config;
}

Json infer_vae_config(const WeightFiles& vae, OriginalFamily family) {
  const TensorShapes tensors(vae);
  Json config{
      {"in_channels", tensors.size("encoder.conv_in.weight", 1)},
      {"out_channels", tensors.size("decoder.conv_out.weight", 0)},
      {"latent_channels", tensors.size("decoder.conv_in.weight", 1)},
      {"layers_per_block", tensors.count("encoder.down_blocks.0.resnets.")},
      {"scaling_factor", family == OriginalFamily::sdxl ? 0.13025 : 0.18215},
      {"sample_size", kSides[static_cast<std::size_t>(family)]},
      {"use_quant_conv", tensors.has("quant_conv.")},
      {"use_post_quant_conv", tensors.has("post_quant_conv.")},
      {"mid_block_add_attention", tensors.has("decoder.mid_block.attentions.")},
  };
  const std::size_t levels = tensors.count("encoder.down_blocks.");
  for (std::size_t i = 0; i < levels; ++i) {
    config["block_out_channels"].push_back(tensors.size("encoder.down_blocks." + std::to_string(i) + ".resnets.0.conv1.weight", 0));
    config["down_block_types"].push_back("DownEncoderBlock2D");
    config["up_block_types"].push_back("UpDecoderBlock2D");
  }
  return config;
}

Json infer_clip_config(const WeightFiles& text_encoder, bool open_clip) {
  const TensorShapes tensors(text_encoder);
  const std::string root = tensors.has("text_model.") ? "text_model." : "";  // some old files have no such part
  const std::string tokens = root + "embeddings.token_embedding.weight";
  const std::size_t hidden = tensors.size(tokens, 1);
  Json config{
      {"hidden_size", hidden},
      {"vocab_size", tensors.size(tokens, 0)},
      {"intermediate_size", tensors.size(root + "encoder.layers.0.mlp.fc1.weight", 0)},
      {"num_hidden_layers", tensors.count(root + "encoder.layers.")},
      {"num_attention_heads", heads_of(hidden)},
      {"max_position_embeddings", tensors.size(root + "embeddings.position_embedding.weight", 0)},
      {"hidden_act", open_clip ? "gelu" : "quick_gelu"},
      {"eos_token_id", 2},
  };
  if (tensors.has("text_projection.")) config["projection_dim"] = tensors.size("text_projection.weight", 0);
  return config;
}

Json published_scheduler(OriginalFamily family) {
  Json config{{"_class_name", "PNDMScheduler"}, {"beta_end", 0.012},      {"beta_schedule", "scaled_linear"},
              {"beta_start", 0.00085},          {"clip_sample", false},   {"num_train_timesteps", 1000},
              {"set_alpha_to_one", false},      {"skip_prk_steps", true}, {"steps_offset", 1},
              {"trained_betas", nullptr}};
  if (family == OriginalFamily::sd2) {
    config.update({{"_class_name", "DDIMScheduler"}, {"prediction_type", "v_prediction"}});
  } else if (family == OriginalFamily::sdxl) {
    config.update({{"_class_name", "EulerDiscreteScheduler"},
                   {"interpolation_type", "linear"},
                   {"prediction_type", "epsilon"},
                   {"sample_max_value", 1.0},
                   {"timestep_spacing", "leading"},
                   {"use_karras_sigmas", false}});
  }
  return config;
}

Json published_model_index(OriginalFamily family, const Json& scheduler) {
  const auto diffusers = [](const Json& name) { return Json::array({"diffusers", name}); };
  const auto transformers = [](const Json& name) { return Json::array({"transformers", name}); };
  Json index{{"_class_name", "StableDiffusionPipeline"},      {"scheduler", diffusers(scheduler)},
             {"text_encoder", transformers("CLIPTextModel")}, {"tokenizer", transformers("CLIPTokenizer")},
             {"unet", diffusers("UNet2DConditionModel")},     {"vae", diffusers("AutoencoderKL")}};
  if (family == OriginalFamily::sdxl) {
    index.update({{"_class_name", "StableDiffusionXLPipeline"},
                  {"force_zeros_for_empty_prompt", true},
                  {"text_encoder_2", transformers("CLIPTextModelWithProjection")},
                  {"tokenizer_2", transformers("CLIPTokenizer")}});
  }
  return index;
}

}  // namespace p2p::engine
