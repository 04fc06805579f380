"""Evaluates whether a model draws what it is asked for. Prints the figures and their limits.

Prompts are wordings that no training saw, half English, half Russian, with cases, typos and emoji: of single things, and of two things. A thing is
right if the nearest of all things, composed as asked for, is it; a background, if its edge is the nearest. Two things are right if both are, each
in its half.
"""

import argparse
import random
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
from .backgrounds import COLOURS
from .captions import captions
from .judge import Judge
from .pictures import CENTRE, PLAIN, Pictures
from .scenes import Sampler

ROOT = Path(__file__).parents[1]
SHEET = 48
SEEDS = 4


def engine(options):
    """A function that draws prompts with the program, each in a run of its own, and the seconds that each took with start and loading."""

    def draw(prompt, seed):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "drawn.png"
            command = [options.prompt2pic, "generate", "--model", options.model, "--seed", str(seed), "--output", file, "--", prompt]
            start = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            seconds = time.monotonic() - start
            with Image.open(file) as picture:
                return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1) / 255, seconds

    return draw


def asked(options, sampler, things, count, two, seed):
    """`count` requests for one thing or for two, as scenes.Asked, and their prompts, the languages in turn."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    drawn = sampler.ask(40 * count + 200)
    torch.set_rng_state(state)
    if options.plain:
        drawn = drawn[(drawn.style == 0) & (drawn.size == PLAIN) & (drawn.place == CENTRE) & (drawn.background < len(COLOURS))]
    chosen = drawn[(drawn.thing[:, 1] >= 0) == two][:count]
    choose = random.Random(seed)
    prompts = [captions(things, chosen[n : n + 1], choose, held=True, wanted=(("en", "ru")[n % 2],))[0] for n in range(count)]
    return chosen, prompts


def report(what, right, total, least):
    share = 100 * right / max(1, total)
    print(f"{what}: {share:.1f} % of {total} right, at least {least:g} %", flush=True)
    return share >= least


def judge_single(options, draw, things, sampler, judge):
    """Returns whether all limits are met."""
    requests, prompts = asked(options, sampler, things, options.count, False, options.seed)
    right, total, missed, times = Counter(), Counter(), Counter(), []
    for n, prompt in enumerate(prompts):
        request = requests[n : n + 1]
        picture, seconds = draw(prompt, options.seed + n)
        times.append(seconds)
        thing = int(request.thing[0, 0])
        found = judge.things(picture, request) == [thing]
        language = ("English", "Russian")[n % 2]
        total.update(["thing", language])
        right.update({"thing": found, language: found})
        if request.background[0] >= 0:
            total["background"] += 1
            right["background"] += judge.background(picture) == int(request.background)
        if not found:
            missed[f"{things[thing].en[0]} ({prompt})"] += 1
    passed = report("background", right["background"], total["background"], options.least_backgrounds)
    passed &= report("thing", right["thing"], total["thing"], options.least_things)
    print(f"  English {right['English']} of {total['English']}, Russian {right['Russian']} of {total['Russian']}")
    if missed:
        print("  missed: " + "; ".join(list(missed)[:20]))
    seconds = statistics.median(times[1:] or times)
    print(f"speed: a picture in {seconds:.2f} s, including start and loading (median from the second run on), at most {options.most_seconds:g} s")
    return passed and seconds <= options.most_seconds


def judge_two(options, draw, things, sampler, judge):
    requests, prompts = asked(options, sampler, things, options.count // 6, True, options.seed)
    right = sum(judge.things(draw(prompt, options.seed + n)[0], requests[n : n + 1]) == requests.thing[n].tolist() for n, prompt in enumerate(prompts))
    return report("two things", right, len(prompts), options.least_two)


def judge_seeds(options, draw, things, sampler, judge):
    """Checks that pictures of one prompt differ and show the right thing."""
    right, least = 0, float("inf")
    requests, prompts = asked(options, sampler, things, max(1, options.count // 30), False, options.seed + 1)
    for n, prompt in enumerate(prompts):
        pictures = [draw(prompt, options.seed + number)[0] for number in range(SEEDS)]
        right += sum(judge.things(picture, requests[n : n + 1]) == [int(requests.thing[n, 0])] for picture in pictures)
        least = min(least, *((a - b).abs().mean().item() * 255 for i, a in enumerate(pictures) for b in pictures[:i]))
    print(f"seeds: {SEEDS} pictures of a prompt differ by {least:.1f} of 255 in the mean at least")
    return report("things with other seeds", right, SEEDS * len(prompts), options.least_things) and least > 0


def draw_sheet(options, draw, things, sampler):
    """A sheet without selection: 36 prompts of single things and 12 of two, with the first seed."""
    single, two = (SHEET, 0) if options.plain else (SHEET * 3 // 4, SHEET // 4)
    prompts = asked(options, sampler, things, single, False, options.seed)[1] + asked(options, sampler, things, two, True, options.seed)[1]
    sheet.write(options.sheet, sheet.from_tensor([draw(prompt, options.seed)[0] for prompt in prompts]))
    print("\n".join(prompts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models/emoji")
    parser.add_argument("--prompt2pic", type=Path, default=ROOT / "build/release/prompt2pic")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1, help="of the prompts, and the first picture's")
    parser.add_argument("--things", type=int, help="the model was trained on the first so many alone")
    parser.add_argument("--plain", action="store_true", help="the model knows one style, and single things on colours")
    parser.add_argument("--least-things", type=float, default=90, help="percent")
    parser.add_argument("--least-backgrounds", type=float, default=95, help="percent")
    parser.add_argument("--least-two", type=float, default=70, help="percent")
    parser.add_argument("--most-seconds", type=float, default=3)
    parser.add_argument("--sheet", type=Path, help=f"draw {SHEET} prompts on this sheet instead, and judge nothing")
    options = parser.parse_args()

    things = data.emoji(options.things)
    sampler = Sampler(pictures := Pictures(things))
    draw = engine(options)
    if options.sheet:
        return draw_sheet(options, draw, things, sampler)
    judge = Judge(pictures, sampler)
    parts = (judge_single, judge_seeds) if options.plain else (judge_single, judge_two, judge_seeds)
    passed = [part(options, draw, things, sampler, judge) for part in parts]
    raise SystemExit(not all(passed))


if __name__ == "__main__":
    main()
