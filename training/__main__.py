"""Trains a model and writes its folder; resumes after an interruption. See README.md."""

import argparse
import os
from pathlib import Path

import torch
from diffusers.utils import logging

from .recipe import Recipe


def arguments():
    parser = argparse.ArgumentParser(prog="training/train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model's folder; training/ in it keeps what was learnt")
    for stage, minutes in (("a", 30), ("b", 120), ("c", 120)):
        parser.add_argument(f"--minutes-{stage}", type=float, default=minutes, metavar="N", help=f"{minutes} unless given")
    parser.add_argument(
        "--stages", choices=["abc", "ab", "c"], default="abc", help="ab and c can be trained at the same time, each with P2P_JOBS=1"
    )
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="your own, with captions.csv; without it the emoji of things.txt")
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="MODEL", help="train a model further that this recipe made, such as models/emoji"
    )
    parser.add_argument("--new-words", action="store_true", help="with --from: give the model the captions of today and a vocabulary for them")
    parser.add_argument("--title", help="what the model is called, in prompt2pic.json")
    parser.add_argument("--licence", help="of the weights, for the card")
    parser.add_argument("--things", type=int, metavar="N", help="the first N emoji alone, for a trial")
    parser.add_argument("--steps", type=int, metavar="N", help="so many steps a stage instead of minutes, for a trial")
    return parser.parse_args()


def main():
    options = arguments()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("P2P_JOBS", os.cpu_count())))
    recipe = Recipe(options)
    if "ab" in options.stages:
        vqgan, _, targets = recipe.vqgan(options.minutes_a)
        recipe.decoder(options.minutes_b, vqgan, targets)
        del targets
    if "c" in options.stages:
        text, _ = recipe.text(options.minutes_c)
        recipe.prior(options.minutes_c, text)
    if not recipe.complete():
        raise SystemExit(f"{options.out}: becomes a model once the other stages are trained too: --stages {'ab' if options.stages == 'c' else 'c'}")
    recipe.export()
    print(f'{options.out}: draws with prompt2pic generate "{recipe.prompts[0]}" --model {options.out}')


main()
