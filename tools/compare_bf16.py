"""What bf16 costs the bundled model, ours against diffusers': exits with 1 when ours loses more than the limit.

compare_bf16.py --program build/release/prompt2pic

For each prompt of tests/golden/emoji: the PSNR of our bf16 picture to our f32 one, and of diffusers' bf16 picture to diffusers' f32 one, which is
the PNG there. diffusers' pipelines are whole in bf16: weights, arithmetic and latents. torch draws other numbers for bf16 than for f32 from one
seed, which would make two pictures that only share a prompt; so here diffusers draws its noise in f32 and rounds it.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.deprecated.wuerstchen import pipeline_wuerstchen, pipeline_wuerstchen_prior
from diffusers.schedulers import scheduling_ddpm_wuerstchen
from diffusers.utils import logging
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools/golden"))

from compare import generate
from folders import Reference

LIMIT = 1.0  # dB
MODEL = ROOT / "models/emoji"
GOLDEN = ROOT / "tests/golden/emoji"


def f32_noise(shape, generator=None, device=None, dtype=None, layout=None):
    return randn_tensor(shape, generator, device, torch.float32, layout).to(dtype)


def psnr(picture, other):
    error = np.square(picture.astype(float) - other).mean()
    return 10 * np.log10(255**2 / error) if error else np.inf


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/prompt2pic")
    arguments = parser.parse_args()
    logging.set_verbosity_error()

    for module in (pipeline_wuerstchen, pipeline_wuerstchen_prior, scheduling_ddpm_wuerstchen):
        module.randn_tensor = f32_noise
    reference = Reference(MODEL)
    for pipeline in (reference.prior, reference.decoder):
        pipeline.to(torch.bfloat16)

    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for case in json.loads((GOLDEN / "expected.json").read_text()):
            file = GOLDEN / case.pop("file")
            case["negative"] = ""
            f32, bf16 = (generate(arguments.program, MODEL, {**case, "precision": p}, Path(scratch) / "picture.png") for p in ("f32", "bf16"))
            expected = np.asarray(Image.open(file).convert("RGB"))
            rows.append((psnr(bf16, f32), psnr(reference.draw(case), expected)))
            print(f"  {rows[-1][0]:5.1f} dB, diffusers {rows[-1][1]:5.1f} dB: {case['prompt']}", flush=True)
    ours, theirs = (statistics.median(column) for column in zip(*rows))
    print(f"median of {len(rows)} pictures: {ours:.2f} dB, diffusers {theirs:.2f} dB: {theirs - ours:+.2f} dB lost (limit {LIMIT})")
    sys.exit(bool(theirs - ours > LIMIT))


if __name__ == "__main__":
    main()
