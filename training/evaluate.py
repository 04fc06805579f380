"""Evaluates whether the engine draws the requested thing and colour. Prints the figures and their limits.

Prompts are things and colours of the card, at random, half English, half Russian, in words that no training saw. A thing is right if the
nearest of all training pictures, over every colour, in the compressor's space, is of it; a colour, if the corners' mean is nearest to it.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from . import data, sheet
from .captions import COLOURS
from .compressor import FILE as COMPRESSOR
from .compressor import Compressor, Latents
from .judge import Judge, asked
from .pictures import Pictures, placings

ROOT = Path(__file__).parents[1]
CORNER = 6  # pixels
SHEET = 48
SEEDS = 4


def drawn(options, prompt, seed):
    """A picture [3, H, W] in 0..1, and the seconds it took, including program start and loading."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "drawn.png"
        command = [options.prompt2pic, "generate", "--model", options.model, "--seed", str(seed), "--output", file, "--", prompt]
        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        with Image.open(file) as picture:
            return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1) / 255, seconds


def nearest_colour(picture):
    edges = torch.cat([picture[:, :CORNER], picture[:, -CORNER:]], 1)
    corners = torch.cat([edges[:, :, :CORNER], edges[:, :, -CORNER:]], 2)
    mean = corners.mean((1, 2)) * 255
    return (torch.tensor([colour.rgb for colour in COLOURS]) - mean).square().sum(1).argmin().item()


def judge_prompts(options, things, thing_of):
    """Returns whether all limits are met."""
    right, missed, times = Counter(), Counter(), []
    for number, (language, thing, colour, prompt) in enumerate(asked(things, options.count, options.seed)):
        picture, seconds = drawn(options, prompt, options.seed + number)
        times.append(seconds)
        is_thing = thing_of(picture) == thing
        right.update({("thing", language): is_thing, ("colour", language): nearest_colour(picture) == colour})
        if not is_thing:
            missed[things[thing].en[0]] += 1
    passed = True
    for what, least in (("thing", options.least_things), ("colour", options.least_colours)):
        share = 100 * (right[what, "en"] + right[what, "ru"]) / options.count
        passed &= share >= least
        print(f"{what}: {share:.1f} % right (English {right[what, 'en']}, Russian {right[what, 'ru']}), at least {least:g} %")
    if missed:
        print("missed most: " + ", ".join(f"{name} {times}" for name, times in missed.most_common(10)))
    seconds = statistics.median(times[1:])
    print(f"speed: a picture in {seconds:.2f} s, including start and loading (median from the second run on), at most {options.most_seconds:g} s")
    return passed and seconds <= options.most_seconds


def judge_seeds(options, things, thing_of):
    """Checks that pictures of one prompt differ and show the right thing."""
    right, least = 0, float("inf")
    prompts = asked(things, max(1, options.count // 20), options.seed + 1)
    for _, thing, _, prompt in prompts:
        pictures = [drawn(options, prompt, options.seed + number)[0] for number in range(SEEDS)]
        right += sum(thing_of(picture) == thing for picture in pictures)
        least = min(least, *((a - b).abs().mean().item() * 255 for n, a in enumerate(pictures) for b in pictures[:n]))
    share = 100 * right / (SEEDS * len(prompts))
    print(f"seeds: {SEEDS} pictures of each of {len(prompts)} prompts differ by {least:.1f} of 255 in the mean at least, {share:.1f} % right")
    return least > 0 and share >= options.least_things


def draw_sheet(options, things):
    """A sheet without selection: the first prompt for each thing, with the first seed."""
    prompts = {}
    for _, thing, _, prompt in asked(things, 40 * len(things), options.seed):
        prompts.setdefault(thing, prompt)
    chosen = list(prompts.values())[:SHEET]
    sheet.write(options.sheet, sheet.from_tensor([drawn(options, prompt, options.seed)[0] for prompt in chosen]))
    print("\n".join(chosen))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models/emoji")
    parser.add_argument("--prompt2pic", type=Path, default=ROOT / "build/release/prompt2pic")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the prompts, and the first picture's")
    parser.add_argument("--things", type=int, help="the model was trained on the first so many alone")
    parser.add_argument("--least-things", type=float, default=90, help="percent")
    parser.add_argument("--least-colours", type=float, default=95, help="percent")
    parser.add_argument("--most-seconds", type=float, default=1)
    parser.add_argument("--sheet", type=Path, help=f"draw {SHEET} different things on this sheet instead, and judge nothing")
    options = parser.parse_args()

    things = data.emoji(options.things)
    if options.sheet:
        return draw_sheet(options, things)
    pictures = Pictures(things, placings(things))
    compressor = Compressor.load(options.model / "prior" / COMPRESSOR)
    judge = Judge(pictures, Latents(compressor, pictures))

    def thing_of(picture):
        return judge.things(compressor(picture[None])).item()

    passed = [part(options, things, thing_of) for part in (judge_prompts, judge_seeds)]
    raise SystemExit(not all(passed))


if __name__ == "__main__":
    main()
