"""Compares the program's pictures with those of diffusers in f32, over folders with random weights and shapes: exits with 1 when a limit is exceeded.

compare.py --program build/release/prompt2pic --count 8 --first 0 --scale tiny
compare.py --folder DIR        an existing folder, of any size
"""

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from diffusers.utils import logging
from PIL import Image

from folders import ROOT, Reference, write_folder
from specs import random_spec

SMALLEST = 16  # pixels a side that the program draws
LIMITS = {"largest": 3, "mean": 0.1}  # of 255
PROMPTS = ["a red fox, on a blue background", "рыжая лиса на снегу", "青い背景の赤い狐", "🦊 🚀 a fox's rocket", ""]
NEGATIVES = ["", "blurry, ugly", "размыто", "猫"]
GUIDANCE = [(0.0, 0.0), (4.0, 0.0), (3.5, 3.5), (1.0, 2.0)]


def cases(reference, seed, large):
    """Four cases per folder; sizes give whole latents in both stages, as diffusers requires."""
    draw = random.Random(seed)
    multiple, scale = reference.prior.config.resolution_multiple, reference.decoder.config.latent_dim_scale
    decoder = reference.decoder.decoder.config
    whole = decoder.patch_size * 2 ** (len(decoder.c_hidden) - 1)
    cells = [c for c in range(2, 13) if int(c * scale) % whole == 0 and c * multiple >= SMALLEST][:4]

    def side():
        return int(draw.choice(cells) * multiple)

    result = []
    for guidance, decoder_guidance in GUIDANCE:
        width, height = (512, 768) if large and guidance == 4.0 else (side(), side())
        result.append(
            {
                "prompt": draw.choice(PROMPTS),
                "negative": draw.choice(NEGATIVES),
                "seed": draw.getrandbits(64),
                "width": width,
                "height": height,
                "steps": draw.choice([None, 2, 5, 8]),
                "guidance": guidance,
                "decoder_steps": draw.randint(2, 6),
                "decoder_guidance": decoder_guidance,
                "variation": [draw.getrandbits(64) for _ in range(draw.choice([0, 0, 1, 2]))],
            }
        )
        if result[-1]["variation"]:
            result[-1]["strength"] = draw.choice([0.5, 0.6, 0.9, 1.0])
    return result


def generate(program, folder, case, file):
    options = {"model": folder, "precision": "f32", "output": file, **{key.replace("_", "-"): case[key] for key in case if key != "prompt"}}
    lists = {key: value if isinstance(value, list) else [value] for key, value in options.items()}
    words = [f"--{key}={value}" for key, values in lists.items() for value in values if value not in (None, "")]
    subprocess.run([program, "generate", *words, "--", case["prompt"]], check=True, stdout=subprocess.DEVNULL)
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def compare(program, folder, case, reference, scratch):
    expected = reference.draw(case).astype(int)
    found = generate(program, folder, case, scratch / "picture.png")
    if found.shape != expected.shape:
        print(f"  size {found.shape}, diffusers {expected.shape}: {case}")
        return 255, 255.0
    difference = np.abs(found - expected)
    print(f"  largest {difference.max():3d} mean {difference.mean():.5f} (std {expected.std():.0f}) {case}", flush=True)
    return difference.max(), difference.mean()


def report(results):
    """Prints the maximum of the results of compare(). Returns whether a limit is exceeded."""
    largest, mean = (max(column) for column in zip(*results))
    print(
        f"{len(results)} pictures: largest difference {largest} (limit {LIMITS['largest']}), largest mean {mean:.5f} (limit {LIMITS['mean']})"
    )
    return bool(largest > LIMITS["largest"] or mean > LIMITS["mean"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/prompt2pic")
    parser.add_argument("--count", type=int, default=8, help="folders")
    parser.add_argument("--first", type=int, default=0, help="the first folder's seed")
    parser.add_argument("--scale", choices=("tiny", "small"), default="tiny")
    parser.add_argument("--large", action="store_true", help="the published sizes of latents, and a 512x768 picture a folder")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    logging.set_verbosity_error()

    results = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for seed in range(arguments.first, arguments.first + (1 if arguments.folder else arguments.count)):
            folder = arguments.folder or scratch / str(seed)
            if not arguments.folder:
                write_folder(folder, random_spec(seed, arguments.scale, arguments.large), seed)
            print(f"folder {arguments.folder or seed}", flush=True)
            reference = Reference(folder)
            results += [compare(arguments.program, folder, case, reference, scratch) for case in cases(reference, seed, arguments.large)]
    sys.exit(report(results))


if __name__ == "__main__":
    main()
