"""Writes tests/golden/sampling: torch's normal numbers and the loops of diffusers' DDPMWuerstchenScheduler."""

import json
from pathlib import Path

import torch
from diffusers import DDPMWuerstchenScheduler
from diffusers.pipelines.deprecated.wuerstchen.pipeline_wuerstchen_prior import DEFAULT_STAGE_C_TIMESTEPS

OUT = Path(__file__).resolve().parents[2] / "tests/golden/sampling"
SEEDS = [0, 1, 100, 2**32 - 1, 2**32 + 5, 2**63 + 12345, 2**64 - 1]
# Short draws come in pairs whose second half waits for the next short draw, past any long one between.
LENGTHS = [1, 15, 16, 17, 100, 16 * 24 * 24, 7, 3, 40001, 2]


def ends(values):
    """A long row by its first and last 20 values and its sum."""
    flat = values.flatten()
    kept = flat if len(flat) <= 40 else torch.cat([flat[:20], flat[-20:]])
    return {"length": len(flat), "values": [round(v, 7) for v in kept.tolist()], "sum": flat.double().sum().item()}


def draws(seed):
    generator = torch.Generator("cpu").manual_seed(seed)
    return {"seed": seed, "draws": [ends(torch.randn(n, generator=generator)) for n in LENGTHS]}


def loop(s, scaler, steps):
    """A whole loop whose model answers 0.1 * sample: the scheduler alone decides the outcome."""
    scheduler = DDPMWuerstchenScheduler(s=s, scaler=scaler)
    if steps:
        scheduler.set_timesteps(steps)
    else:
        scheduler.set_timesteps(timesteps=DEFAULT_STAGE_C_TIMESTEPS)
    generator = torch.Generator("cpu").manual_seed(7)
    sample = torch.randn(1, 4, 5, 3, generator=generator)
    for t in scheduler.timesteps[:-1]:
        sample = scheduler.step(0.1 * sample, t.expand(1), sample, generator=generator).prev_sample
    return {"s": s, "scaler": scaler, "steps": steps, "times": scheduler.timesteps.tolist(), "sample": ends(sample)}


OUT.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)
randn = [draws(seed) for seed in SEEDS]
(OUT / "randn.json").write_text(json.dumps(randn, separators=(",", ":")) + "\n")
loops = [loop(0.008, 1.0, n) for n in (0, 1, 2, 3, 7, 12, 30, 60)] + [
    loop(0.008, 2.0, 9),
    loop(0.02, 0.5, 9),
    loop(0.008, 1.7, 12),
    loop(0.1, 0.3, 5),
]
(OUT / "ddpm_wuerstchen.json").write_text(json.dumps(loops, separators=(",", ":")) + "\n")
