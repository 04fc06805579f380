#include "engine/checkpoint/original_layout.hpp"

#include <array>

namespace p2p::engine::original_layout {
namespace {

constexpr std::array kUnetResnet{
    NameRule{"in_layers.0.", "norm1."},  NameRule{"in_layers.2.", "conv1."},          NameRule{"out_layers.0.", "norm2."},
    NameRule{"out_layers.3.", "conv2."}, NameRule{"emb_layers.1.", "time_emb_proj."}, NameRule{"skip_connection.", "conv_shortcut."},
};

constexpr std::array kUnetRules{
    NameRule{"time_embed.0.", "time_embedding.linear_1."},
    NameRule{"time_embed.2.", "time_embedding.linear_2."},
    NameRule{"label_emb.0.0.", "add_embedding.linear_1."},
    NameRule{"label_emb.0.2.", "add_embedding.linear_2."},
    NameRule{"input_blocks.0.0.", "conv_in."},
    NameRule{"input_blocks.#.0.op.", "down_blocks.#.downsamplers.0.conv.", {}, Numbers::input_block},
    NameRule{"input_blocks.#.0.", "down_blocks.#.resnets.#.", kUnetResnet, Numbers::input_block},
    NameRule{"input_blocks.#.1.", "down_blocks.#.attentions.#.", {}, Numbers::input_block},
    NameRule{"middle_block.0.", "mid_block.resnets.0.", kUnetResnet},
    NameRule{"middle_block.1.", "mid_block.attentions.0."},
    NameRule{"middle_block.2.", "mid_block.resnets.1.", kUnetResnet},
    NameRule{"output_blocks.#.0.", "up_blocks.#.resnets.#.", kUnetResnet, Numbers::output_block},
    NameRule{"output_blocks.#.1.conv.", "up_blocks.#.upsamplers.0.conv.", {}, Numbers::output_block},
    NameRule{"output_blocks.#.2.conv.", "up_blocks.#.upsamplers.0.conv.", {}, Numbers::output_block},
    NameRule{"output_blocks.#.1.", "up_blocks.#.attentions.#.", {}, Numbers::output_block},
    // diffusers' script for this layout leaves what Stable Diffusion 1 does not have: the transformers of a tiny model's first up block.
    NameRule{"up_blocks.", "up_blocks."},
    NameRule{"out.0.", "conv_norm_out."},
    NameRule{"out.2.", "conv_out."},
};

constexpr std::array kVaeResnet{
    NameRule{"norm1.", "norm1."},
    NameRule{"conv1.", "conv1."},
    NameRule{"norm2.", "norm2."},
    NameRule{"conv2.", "conv2."},
    NameRule{"nin_shortcut.", "conv_shortcut."},
};

constexpr std::array kVaeAttention{
    NameRule{"norm.", "group_norm."},
    NameRule{"q.weight", "to_q.weight", {}, Numbers::same, Change::squeeze},
    NameRule{"k.weight", "to_k.weight", {}, Numbers::same, Change::squeeze},
    NameRule{"v.weight", "to_v.weight", {}, Numbers::same, Change::squeeze},
    NameRule{"proj_out.weight", "to_out.0.weight", {}, Numbers::same, Change::squeeze},
    NameRule{"q.bias", "to_q.bias"},
    NameRule{"k.bias", "to_k.bias"},
    NameRule{"v.bias", "to_v.bias"},
    NameRule{"proj_out.bias", "to_out.0.bias"},
    NameRule{"to_", "to_"},  // some versions of diffusers' script leave these
};

constexpr std::array kVaeHalf{
    NameRule{"conv_in.", "conv_in."},
    NameRule{"down.#.block.#.", "down_blocks.#.resnets.#.", kVaeResnet},
    NameRule{"down.#.downsample.conv.", "down_blocks.#.downsamplers.0.conv."},
    NameRule{"mid.block_1.", "mid_block.resnets.0.", kVaeResnet},
    NameRule{"mid.attn_1.", "mid_block.attentions.0.", kVaeAttention},
    NameRule{"mid.block_2.", "mid_block.resnets.1.", kVaeResnet},
    NameRule{"up.#.block.#.", "up_blocks.#.resnets.#.", kVaeResnet, Numbers::from_last},
    NameRule{"up.#.upsample.conv.", "up_blocks.#.upsamplers.0.conv.", {}, Numbers::from_last},
    NameRule{"norm_out.", "conv_norm_out."},
    NameRule{"conv_out.", "conv_out."},
};

constexpr std::array kVaeRules{
    NameRule{"encoder.", "encoder.", kVaeHalf},
    NameRule{"decoder.", "decoder.", kVaeHalf},
    NameRule{"quant_conv.", "quant_conv."},
    NameRule{"post_quant_conv.", "post_quant_conv."},
};

constexpr std::array kOpenClipLayer{
    NameRule{"ln_1.", "layer_norm1."},
    NameRule{"ln_2.", "layer_norm2."},
    NameRule{"attn.in_proj_weight", "self_attn.?_proj.weight", {}, Numbers::same, Change::split},
    NameRule{"attn.in_proj_bias", "self_attn.?_proj.bias", {}, Numbers::same, Change::split},
    NameRule{"attn.out_proj.", "self_attn.out_proj."},
    NameRule{"mlp.c_fc.", "mlp.fc1."},
    NameRule{"mlp.c_proj.", "mlp.fc2."},
};

constexpr std::array kOpenClipRules{
    NameRule{"positional_embedding", "text_model.embeddings.position_embedding.weight"},
    NameRule{"token_embedding.", "text_model.embeddings.token_embedding."},
    NameRule{"transformer.resblocks.#.", "text_model.encoder.layers.#.", kOpenClipLayer},
    NameRule{"ln_final.", "text_model.final_layer_norm."},
    NameRule{"text_projection.", "text_projection."},  // some merging tools write it as transformers does
    NameRule{"text_projection", "text_projection.weight", {}, Numbers::same, Change::transpose},
};

}  // namespace

std::span<const NameRule> unet() { return kUnetRules; }
std::span<const NameRule> vae() { return kVaeRules; }
std::span<const NameRule> open_clip() { return kOpenClipRules; }

}  // namespace p2p::engine::original_layout
