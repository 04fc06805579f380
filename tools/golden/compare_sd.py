"""Compares the program's Stable Diffusion pictures with those of diffusers in f32, over folders with random weights and shapes: exits with 1 when a limit is exceeded.

compare_sd.py --program build/release/prompt2pic --count 4 --first 0      COUNT folders of each family
compare_sd.py --folder DIR                                               an existing folder, of any size
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from diffusers.utils import logging

from compare import NEGATIVES, PROMPTS, compare, report
from folders import ROOT
from samplers import METHODS
from sd_folders import Reference, write_folder
from sd_specs import random_spec
from stable_diffusion import FAMILIES

# Each method, and each schedule once.
SCHEDULED = ["dpmpp_2m_karras", "dpmpp_2m_sde_karras", "dpm2_a_karras", "dpmpp_3m_sde_exponential", "euler_beta", "heun_sgm_uniform", "lms_normal"]
SAMPLERS = [None, *METHODS, *SCHEDULED, "unipc_ddim_uniform"]
SIZES = [(96, 160), (64, 64), (72, 88), (128, 96), (56, 200), (104, 104)]


def cases(family, seed, count):
    draw = random.Random(f"{family}{seed}")
    samplers = [None, "lcm"] if family == "lcm" else SAMPLERS  # all that LatentConsistencyModelPipeline takes
    for index in range(count):
        width, height = draw.choice(SIZES)
        yield {
            "prompt": draw.choice(PROMPTS),
            "negative": draw.choice(NEGATIVES),
            "seed": draw.getrandbits(64),
            "width": width,
            "height": height,
            "steps": draw.choice([1, 2, 3, 5, 8, 13, 20, 30]),
            "guidance": draw.choice([0.0, 1.0, 3.5, 7.5]),
            "sampler": samplers[(seed * count + index) % len(samplers)],
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/prompt2pic")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--count", type=int, default=4, help="folders of each family")
    parser.add_argument("--cases", type=int, default=4, help="pictures of each folder")
    parser.add_argument("--first", type=int, default=0, help="the first folder's seed")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    logging.set_verbosity_error()

    results = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        folders = [(family, seed) for seed in range(arguments.first, arguments.first + arguments.count) for family in arguments.families]
        for family, seed in [("", arguments.first)] if arguments.folder else folders:
            folder = arguments.folder or scratch / f"{family}-{seed}"
            if not arguments.folder:
                write_folder(folder, random_spec(family, seed), seed)
            print(f"folder {folder.name}", flush=True)
            reference = Reference(folder)
            results += [compare(arguments.program, folder, case, reference, scratch) for case in cases(family, seed, arguments.cases)]
    sys.exit(report(results))


if __name__ == "__main__":
    main()
