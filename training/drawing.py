"""Draws with the networks as diffusers' pipelines do, from codes instead of words, so that each stage can be looked at before the others exist."""

import torch
from diffusers import DDPMWuerstchenScheduler

from .compressor import CHANNELS, GRID
from .pictures import SIDE

PRIOR = {"latent_mean": 1.0, "latent_std": 0.0, "resolution_multiple": SIDE / GRID}
DECODER = {"latent_dim_scale": SIDE / 4 / GRID}
SETTINGS = {"steps": 12, "guidance": 1.5, "decoder_steps": 8, "decoder_guidance": 0}


@torch.no_grad()
def denoised(shape, steps, predict, seed, device):
    scheduler = DDPMWuerstchenScheduler()
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(shape, generator=generator).to(device)
    scheduler.set_timesteps(steps, device=device)
    for time in scheduler.timesteps[:-1]:
        times = time.expand(shape[0])
        latents = scheduler.step(predict(latents, times), timestep=times, sample=latents, generator=generator).prev_sample.to(device)
    return latents


def latents(prior, words, nothing, seed=0):
    """[B, 16, 8, 8] from the prior for codes [B, tokens, width]; `nothing`: those of the empty caption, [tokens, width]."""
    guidance, empty = SETTINGS["guidance"], nothing.expand_as(words)

    def predict(noisy, times):
        if guidance <= 1:
            return prior(noisy, times, words)
        told, untold = prior(noisy.repeat(2, 1, 1, 1), times.repeat(2), torch.cat([words, empty])).chunk(2)
        return torch.lerp(untold, told, guidance)

    return denoised((len(words), CHANNELS, GRID, GRID), SETTINGS["steps"], predict, seed, words.device)


def pictures(decoder, vqgan, effnet, words, seed=0):
    """[B, 3, SIDE, SIDE] in 0..1 for the prior's latents and codes."""
    shape = (len(words), 4, SIDE // 4, SIDE // 4)
    drawn = denoised(shape, SETTINGS["decoder_steps"], lambda noisy, times: decoder(noisy, times, effnet, words), seed, words.device)
    with torch.no_grad():
        return vqgan.decode(vqgan.config.scale_factor * drawn).sample.clamp(0, 1)
