"""Does the engine draw the thing that it was asked for, over the colour that it was asked for? Prints the figures and their limits.

Prompts are things and colours of the card, at random, half English, half Russian, in words that no training saw. A thing is right if the
nearest of all training pictures, over every colour, in the compressor's space, is of it; a colour, if the corners' mean is nearest to it.
"""

import argparse
import json
import random
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from . import data
from .captions import COLOURS, held_out, worded
from .compressor import Compressor, Latents
from .pictures import Pictures, placings

ROOT = Path(__file__).parents[1]
CORNER = 6  # pixels


def asked(things, count, seed):
    """(language, thing, colour, prompt), the languages in turn."""
    choose = random.Random(seed)
    prompts = []
    while len(prompts) < count:
        language = ("en", "ru")[len(prompts) % 2]
        thing, colour = choose.randrange(len(things)), choose.randrange(len(COLOURS))
        wordings = [words for words in worded(getattr(things[thing], language)[:1], language, COLOURS[colour]) if held_out(words)]
        if wordings:
            prompts.append((language, thing, colour, choose.choice(wordings)))
    return prompts


def drawn(options, prompt, seed, folder):
    """[3, H, W] in 0..1."""
    file = Path(folder) / "drawn.png"
    command = [options.prompt2pic, "generate", "--model", options.model, "--seed", str(seed), "--json", "--output", file, "--", prompt]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    with Image.open(answer["files"][0]) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1) / 255


def nearest_colour(picture):
    edges = torch.cat([picture[:, :CORNER], picture[:, -CORNER:]], 1)
    corners = torch.cat([edges[:, :, :CORNER], edges[:, :, -CORNER:]], 2)
    mean = corners.mean((1, 2)) * 255
    return (torch.tensor([colour.rgb for colour in COLOURS]) - mean).square().sum(1).argmin().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models/emoji")
    parser.add_argument("--prompt2pic", type=Path, default=ROOT / "build/release/prompt2pic")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the prompts, and the first picture's")
    parser.add_argument("--things", type=int, help="the model was trained on the first so many alone")
    parser.add_argument("--least-things", type=float, default=90, help="percent")
    parser.add_argument("--least-colours", type=float, default=95, help="percent")
    options = parser.parse_args()

    things = data.emoji(options.things)
    pictures = Pictures(things, placings(things))
    compressor = Compressor.of(pictures)
    latents, numbers = Latents(compressor, pictures), torch.arange(len(pictures))
    known = torch.cat([latents.over(numbers, torch.full_like(numbers, colour)) for colour in range(len(COLOURS))]).flatten(1)
    right, missed = Counter(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number, (language, thing, colour, prompt) in enumerate(asked(things, options.count, options.seed)):
            picture = drawn(options, prompt, options.seed + number, folder)
            nearest = torch.cdist(compressor(picture[None]).flatten(1), known).argmin().item() % len(pictures)
            is_thing, is_colour = pictures.thing[nearest].item() == thing, nearest_colour(picture) == colour
            right.update({("thing", language): is_thing, ("colour", language): is_colour})
            if not is_thing:
                missed[things[thing].en[0]] += 1
    passed = True
    for what, least in (("thing", options.least_things), ("colour", options.least_colours)):
        share = 100 * (right[what, "en"] + right[what, "ru"]) / options.count
        passed &= share >= least
        print(f"{what}: {share:.1f} % right (English {right[what, 'en']}, Russian {right[what, 'ru']}), at least {least:g} %")
    if missed:
        print("missed most: " + ", ".join(f"{name} {times}" for name, times in missed.most_common(10)))
    raise SystemExit(not passed)


if __name__ == "__main__":
    main()
