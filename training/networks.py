"""The shapes of the five networks, as configurations of diffusers and transformers."""

import torch
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel, WuerstchenDiffNeXt, WuerstchenPrior
from diffusers.pipelines.deprecated.wuerstchen.modeling_wuerstchen_common import GlobalResponseNorm
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from .compressor import CHANNELS
from .tokenizer import LENGTH

PRIOR_TEXT, DECODER_TEXT = 256, 128


def response_norm(self, x):
    """diffusers' own in operations that are quick on a processor: torch.norm over two dimensions took a tenth of the prior's time."""
    size = (x.square().sum((1, 2), keepdim=True, dtype=torch.float32) + 1e-12).sqrt()  # avoids the infinite slope at 0
    share = size / (size.mean(-1, keepdim=True) + 1e-6)
    return x * (self.gamma * share + 1).to(x.dtype) + self.beta.to(x.dtype)


GlobalResponseNorm.forward = response_norm


def quick(device):
    """A context for computing in bf16 on a GPU, and on a processor that supports it, two to three times as fast as f32."""
    able = torch.cpu.get_capabilities()
    enabled = device.type == "cuda" or bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def text_encoder(vocabulary, width, layers, heads):
    """`vocabulary`: tokens, of which the last two are start and end."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=4 * width,
            projection_dim=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            max_position_embeddings=LENGTH,
            hidden_act="gelu",
            bos_token_id=vocabulary - 2,
            eos_token_id=vocabulary - 1,
            pad_token_id=vocabulary - 1,
        )
    )


def prior_text_encoder(vocabulary):
    return text_encoder(vocabulary, PRIOR_TEXT, layers=4, heads=8)


def decoder_text_encoder(vocabulary):
    return text_encoder(vocabulary, DECODER_TEXT, layers=2, heads=4)


class Exact(nn.Sequential):
    """Always computes in f32."""

    def forward(self, x):
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def to_float(module, given, output):
    return output.float()


def prior():
    """What its blocks add to, and its last layers, by whose output it divides, stay in f32."""
    network = WuerstchenPrior(c_in=CHANNELS, c=256, c_cond=PRIOR_TEXT, c_r=64, depth=8, nhead=8, dropout=0.0)
    network.projection.register_forward_hook(to_float)
    network.out = Exact(*network.out)
    return network


def decoder():
    return WuerstchenDiffNeXt(
        c_in=4,
        c_out=4,
        c_r=32,
        patch_size=2,
        c_cond=64,
        c_hidden=[48, 112, 224],
        nhead=[-1, -1, 7],
        blocks=[2, 3, 4],
        level_config=["CT", "CT", "CTA"],
        inject_effnet=[False, True, True],
        effnet_embd=CHANNELS,
        clip_embd=DECODER_TEXT,
        kernel_size=3,
        dropout=0.0,
    )


def vqgan(scale_factor=1.0):
    return PaellaVQModel(levels=2, bottleneck_blocks=3, embed_dim=96, latent_channels=4, num_vq_embeddings=16, scale_factor=scale_factor)
