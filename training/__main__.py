"""Trains a model and writes its folder; resumes after an interruption. See README.md."""

import argparse
import os
from pathlib import Path

import torch
from diffusers.utils import logging

from .recipe import Recipe

MINUTES = {"a": (60, 1), "b": (240, 3.5), "t": (120, 2), "c": (240, 3)}  # on a processor, on a large GPU


def arguments():
    parser = argparse.ArgumentParser(prog="training/train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model's folder; training/ in it keeps what was learnt")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    for stage, (cpu, cuda) in MINUTES.items():
        parser.add_argument(f"--minutes-{stage}", type=float, metavar="N", help=f"{cpu:g} unless given; with cuda {cuda:g}")
    parser.add_argument("--stages", default="abtc", metavar="STAGES", help="letters of the stages to train; b needs a, and the others nothing")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="your own, with captions.csv; without it the emoji of things.txt")
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="MODEL", help="train a model further that this recipe made"
    )
    parser.add_argument("--title", help="what the model is called, in prompt2pic.json")
    parser.add_argument("--licence", help="of the weights, for the card")
    parser.add_argument("--things", type=int, metavar="N", help="the first N emoji alone, for a trial")
    parser.add_argument("--steps", type=int, metavar="N", help="so many steps a stage instead of minutes, for a trial")
    options = parser.parse_args()
    if not options.stages or set(options.stages) - set(MINUTES):
        parser.error(f"--stages: expected letters of {''.join(MINUTES)}, found {options.stages!r}")
    return options


def main():
    options = arguments()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("P2P_JOBS", os.cpu_count())))
    torch.set_float32_matmul_precision("high")
    recipe = Recipe(options)
    for stage, train in (("a", recipe.vqgan), ("b", recipe.decoder), ("t", recipe.text), ("c", recipe.prior)):
        if stage in options.stages:
            given = getattr(options, f"minutes_{stage}")
            train(MINUTES[stage][options.device == "cuda"] if given is None else given)
    if missing := recipe.missing():
        raise SystemExit(f"{options.out}: becomes a model once these are trained too: {', '.join(missing)}")
    recipe.export()
    print(f"{options.out}: draws with prompt2pic generate \"{recipe.things[0].en[0]}\" --model {options.out}")


main()
