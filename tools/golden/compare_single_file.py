"""Compares the program's pictures with those of diffusers' from_single_file in f32, over random weights and shapes: exits with 1 when a limit is exceeded.

compare_single_file.py --program build/release/prompt2pic --count 4 --first 0      COUNT files of each family

The program draws with its own CLIP tokenizer; diffusers is given the same one (--clip).
"""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
from diffusers.utils import logging
from safetensors.torch import save_file
from transformers import CLIPTokenizer

from compare import compare, report
from compare_sd import cases
from folders import ROOT
from sd_folders import Reference, write_folder
from sd_specs import text, unet, vae
from single_file import FAMILIES, folder_parts, original, specs

CACHE = Path(os.environ.get("P2P_BUILD_CACHE") or Path.home() / ".cache/prompt2pic")


def random_spec(family, seed):
    """Random shapes from `seed`; groups and heads are the published ones, because files do not contain them."""
    draw = random.Random(f"{family} {seed}")
    spec = specs()[family]
    levels = draw.choice([2, 3])
    channels = [32 * draw.choice([1, 2, 4]) for _ in range(levels)]
    attention = [draw.random() < 0.6 for _ in range(levels - 1)]
    attention.insert(draw.randrange(levels), True)
    widths = [64, 128] if family == "sdxl" else [64 * draw.choice([1, 2])]  # diffusers tells SDXL's two apart by them
    more = {"projection_dim": draw.randint(8, 40), "vocab_size": 49408}
    texts = [
        text(width, width // 64, draw.choice([2, 3]), draw.randint(20, 80), old["hidden_act"], **more)
        for width, old in zip(widths, spec["texts"])
    ]
    network = {**spec["unet"], **unet(channels, attention, sum(widths)), "layers_per_block": draw.choice([1, 2])}
    network["attention_head_dim"] = 8 if family == "sd1" else [max(c // 64, 1) for c in channels]
    if family == "sdxl":
        network["transformer_layers_per_block"] = [draw.randint(1, 3) for _ in range(levels)]
        network["projection_class_embeddings_input_dim"] = 6 * 256 + more["projection_dim"]
    autoencoder = vae([32 * draw.choice([1, 2]) for _ in range(4)], layers_per_block=draw.choice([1, 2]))
    dtype = draw.choice(["f32", "f16", "bf16"])
    return {**spec, "dtype": dtype, "std": None, "texts": texts, "unet": network, "vae": {**spec["vae"], **autoencoder}}


class SingleFileReference(Reference):
    def __init__(self, family, file, folder, clip):
        first, second = (CLIPTokenizer.from_pretrained(clip / name) for name in ("tokenizer", "tokenizer_2"))
        more = {"tokenizer": second if family == "sd2" else first}
        kind = diffusers.StableDiffusionPipeline
        if family == "sdxl":
            kind = diffusers.StableDiffusionXLPipeline
            more |= {"tokenizer_2": second, "add_watermarker": False}
        self.pipeline = kind.from_single_file(file, config=str(folder), torch_dtype=torch.float32, local_files_only=True, **more)
        self.pipeline.set_progress_bar_config(disable=True)
        self.guided, self.scheduler, self.vae = True, self.pipeline.scheduler, self.pipeline.vae


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/prompt2pic")
    parser.add_argument("--clip", type=Path, default=CACHE / "clip-3.3.0")
    parser.add_argument("--count", type=int, default=4, help="files of each family")
    parser.add_argument("--cases", type=int, default=2, help="pictures of each file")
    parser.add_argument("--first", type=int, default=0, help="the first file's seed")
    arguments = parser.parse_args()
    logging.set_verbosity_error()

    results = []
    for seed in range(arguments.first, arguments.first + arguments.count):
        for family in FAMILIES:
            with tempfile.TemporaryDirectory() as scratch:
                scratch = Path(scratch)
                write_folder(scratch / "folder", random_spec(family, seed), seed)
                (scratch / "alone").mkdir()
                file = scratch / "alone" / f"{family}-{seed}.safetensors"
                save_file({name: t.contiguous() for name, t in original(family, folder_parts(scratch / "folder")).items()}, file)
                print(f"file {file.name}", flush=True)
                reference = SingleFileReference(family, file, scratch / "folder", arguments.clip)
                results += [compare(arguments.program, file, case, reference, scratch) for case in cases(family, seed, arguments.cases)]
    sys.exit(report(results))


if __name__ == "__main__":
    main()
