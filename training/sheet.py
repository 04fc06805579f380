"""Preview sheets: pictures drawn by diffusers' pipelines with the current state of a stage."""

import numpy as np
import torch
from diffusers import DDPMWuerstchenScheduler
from diffusers.pipelines.deprecated.wuerstchen import WuerstchenDecoderPipeline, WuerstchenPriorPipeline
from PIL import Image
from transformers import CLIPTokenizer

from .pictures import SIDE

PRIOR = {"latent_mean": 1.0, "latent_std": 0.0, "resolution_multiple": 21.34}  # 128 pixels are 6 latents
DECODER = {"latent_dim_scale": 5.34}  # which are 32 of the decoder's
DRAWING = {"steps": 20, "guidance": 1.5, "decoder_steps": 8, "decoder_guidance": 0}


def embeddings(prior, tokenizer, prompts, seed=0):
    """`prior`: stage C's modules. Latents [B, 16, 6, 6]."""
    pipeline = WuerstchenPriorPipeline(
        tokenizer=CLIPTokenizer.from_pretrained(tokenizer), scheduler=DDPMWuerstchenScheduler(), **prior, **PRIOR
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompts,
        height=SIDE,
        width=SIDE,
        num_inference_steps=DRAWING["steps"],
        guidance_scale=DRAWING["guidance"],
        generator=torch.Generator().manual_seed(seed),
    ).image_embeddings


def pictures(decoder, vqgan, tokenizer, latents, prompts, seed=0):
    """`decoder`: stage B's modules, `vqgan`: stage A's network, which knows its scale. Pillow's pictures."""
    pipeline = WuerstchenDecoderPipeline(
        tokenizer=CLIPTokenizer.from_pretrained(tokenizer), scheduler=DDPMWuerstchenScheduler(), vqgan=vqgan, **decoder, **DECODER
    )
    pipeline.set_progress_bar_config(disable=True)
    return [
        pipeline(
            one[None],
            prompt,
            num_inference_steps=DRAWING["decoder_steps"],
            guidance_scale=DRAWING["decoder_guidance"],
            generator=torch.Generator().manual_seed(seed),
        ).images[0]
        for one, prompt in zip(latents, prompts, strict=True)  # it takes every word for every picture, where there are several
    ]


def from_tensor(batch):
    return [Image.fromarray(np.uint8(picture.clamp(0, 1).permute(1, 2, 0) * 255 + 0.5)) for picture in batch]


def write(path, images, columns=8):
    sheet = Image.new("RGB", (columns * SIDE, -(-len(images) // columns) * SIDE), "white")
    for number, image in enumerate(images):
        sheet.paste(image.resize((SIDE, SIDE)), (number % columns * SIDE, number // columns * SIDE))
    partial = path.with_suffix(".partial")
    sheet.save(partial, format="JPEG" if path.suffix == ".jpg" else "PNG", quality=90)
    partial.replace(path)
