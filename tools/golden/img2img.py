"""Results of diffusers' img2img, over the folders of tests/golden/stable_diffusion or over random ones.

img2img.py fixtures                                                               writes tests/golden/img2img
img2img.py compare --program build/release/prompt2pic --count 2 --first 0         random folders and cases: exits with 1 when a limit is exceeded
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers.utils import logging
from PIL import Image

from compare import NEGATIVES, PROMPTS, compare, report
from compare_sd import SAMPLERS
from folders import ROOT
from samplers import SAMPLERS as SCHEDULERS
from sd_folders import Reference, write_folder
from sd_specs import random_spec
from stable_diffusion import FAMILIES

OUT = ROOT / "tests/golden/img2img"
DEFAULT_STRENGTH = {"StableDiffusionPipeline": 0.8, "LatentConsistencyModelPipeline": 0.8, "StableDiffusionXLPipeline": 0.3}
UPSCALE_STRENGTH = 0.3


def picture(width, height, seed):
    """A picture with soft colours, hard edges and noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], -1)
    values = 128 + 90 * waves + generator.normal(0, 12, waves.shape) + 80 * ((x // 16 + y // 16) % 2)[..., None] - 40
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


class Img2Img(Reference):
    first = None  # the picture's file that an upscale without `image` begins with, where it is not to be diffusers' own

    def again(self, case, image, strength, seed=None, **more_options):
        """img2img with the case's sampler and, by default, its seed. `image` has the size to draw or a larger one, or is latents."""
        kind, more = SCHEDULERS.get(case["sampler"], (type(self.scheduler).__name__, {}))
        pipeline = getattr(diffusers, self.kind.replace("Pipeline", "Img2ImgPipeline"))(**self.pipeline.components)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.scheduler = getattr(diffusers, kind).from_config(pipeline.scheduler.config, **more)
        negative = {"negative_prompt": case["negative"] or None} if self.guided else {}
        images = pipeline(
            case["prompt"],
            image=image,
            strength=strength,
            num_inference_steps=case["steps"],
            guidance_scale=case["guidance"],
            generator=torch.Generator("cpu").manual_seed(case["seed"] if seed is None else seed),
            **negative,
            **more_options,
        ).images
        return images if more_options else np.asarray(images[0])

    def varied(self, case):
        """The case's picture redrawn from its latents, once with each seed of `variation`."""
        latents = self.latents(case)
        *seeds, last = case["variation"]
        for seed in seeds:
            latents = self.again(case, latents, case["strength"], seed, output_type="latent")
        return self.again(case, latents, case["strength"], last)

    def draw(self, case):
        if case["variation"]:
            return self.varied(case)
        image = Image.open(case["image"]).convert("RGB") if case["image"] else None
        if image and case["width"]:
            image = image.resize((case["width"], case["height"]), Image.Resampling.LANCZOS)
        if not case["upscale"]:
            return self.again(case, image, case["strength"] or DEFAULT_STRENGTH[self.kind]) if image else super().draw(case)
        image = image or (Image.open(self.first).convert("RGB") if self.first else Image.fromarray(super().draw(case)))
        cells = self.pipeline.vae_scale_factor
        sides = [int(side * case["upscale"]) // cells * cells for side in image.size]
        return self.again(case, image.resize(sides, Image.Resampling.LANCZOS), case["strength"] or UPSCALE_STRENGTH)


FIXTURE_SAMPLERS = [None, "pndm", "ddim", "euler", "euler_a", "heun", "dpmpp_2m", "dpmpp_2m_karras", "dpmpp_2m_sde", "unipc", "lcm"]


def fixtures():
    keys = ("model", "image", "width", "height", "seed", "steps", "guidance", "sampler", "strength", "upscale", "prompt", "negative")
    fox = "a red fox, on a blue background"
    rows = [("sd1", "a.png", None, None, 1, 4, 7.5, name, strength, None, fox, "") for name, strength in zip(FIXTURE_SAMPLERS, [0.5, 0.8, 1.0] * 4)]
    rows += [
        ("sd1", "a.png", 96, 64, 2, 5, 3.0, "heun", None, None, "лиса", "a cat"),
        ("sd1", "a.png", None, None, 3, 4, 7.5, "euler", None, 1.5, fox, ""),
        ("sd1", None, 64, 72, 4, 4, 7.5, None, None, 1.5, fox, "blurry"),
        ("sd1", "a.png", 96, 64, 11, 4, 7.5, "ddim", None, 1.5, fox, ""),
        ("sd2", "a.png", None, None, 5, 4, 7.5, None, 0.6, None, fox, ""),
        ("turbo", "a.png", 64, 64, 6, 2, 0.0, None, 0.5, None, fox, ""),
        ("lcm", "a.png", 72, 64, 7, 4, 8.0, None, None, None, fox, ""),
        ("lcm", "a.png", 72, 64, 8, 3, 8.0, "lcm", 0.5, None, fox, ""),
        ("sdxl", "a.png", None, None, 9, 4, 5.0, None, None, None, fox, ""),
        ("sdxl", None, 64, 64, 10, 4, 5.0, "euler_a", 0.5, 2.0, fox, "кошка"),
    ]
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    picture(75, 68, 0).save(OUT / "a.png")
    cases = [{**dict(zip(keys, row)), "variation": []} for row in rows]
    varied = [
        ("sd1", "pndm", 5, [2], 0.6),
        ("sd1", "euler_a", 4, [2**64 - 1, 3], 0.5),
        ("sd2", None, 4, [4], 1.0),
        ("turbo", None, 2, [5], 0.5),
        ("lcm", None, 4, [6, 7], 0.6),
        ("sdxl", "dpmpp_2m_sde", 6, [8], 0.6),
    ]
    cases += [
        dict(zip(keys, (name, None, 64, 72, 1, steps, 0.0 if name == "turbo" else 6.0, sampler, strength, None, fox, "")), variation=seeds)
        for name, sampler, steps, seeds, strength in varied
    ]
    references = {}
    for index, case in enumerate(cases):
        name = case["model"]
        reference = references.setdefault(name, Img2Img(ROOT / "tests/golden/stable_diffusion" / name))
        drawn = reference.draw({**case, "image": case["image"] and OUT / case["image"]})
        case["file"] = f"{name}-{index}.png"
        Image.fromarray(drawn).save(OUT / case["file"], optimize=True)
        print(case["file"], drawn.shape, f"mean {drawn.mean():.1f} std {drawn.std():.1f}")
    (OUT / "cases.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


def random_cases(family, seed, count, scratch):
    draw = random.Random(f"img2img{family}{seed}")
    for _ in range(count):
        image = scratch / "image.png"
        picture(draw.randint(40, 150), draw.randint(40, 150), draw.getrandbits(32)).save(image)
        sized = draw.random() < 0.5
        varied = draw.random() < 0.3
        upscale = None if varied else draw.choice([None, None, 1.5, 2.0, 1.37])
        begins = not varied and (not upscale or draw.random() < 0.3)
        yield {
            "prompt": draw.choice(PROMPTS),
            "negative": draw.choice(NEGATIVES),
            "seed": draw.getrandbits(64),
            "image": str(image) if begins else None,
            "width": draw.choice([64, 72, 96, 104]) if sized or not begins else None,
            "height": draw.choice([64, 88, 128]) if sized or not begins else None,
            "steps": draw.choice([4, 5, 8, 13]),
            "guidance": draw.choice([0.0, 1.0, 3.5, 7.5]),
            "strength": draw.choice([0.4, 0.5, 0.8, 0.95, 1.0]),
            "upscale": upscale,
            "variation": [draw.getrandbits(64) for _ in range(draw.randint(1, 2))] if varied else [],
            "sampler": draw.choice([None, "lcm"] if family == "lcm" else SAMPLERS),
        }


def compare_parts(program, folder, case, reference, scratch):
    """For an upscale without `image`: compares the first pass, then the whole with our first pass as diffusers' input, because networks with random
    weights amplify the rounding to bytes tenfold."""
    reference.first = scratch / "first.png"
    results = [compare(program, folder, {**case, "upscale": None, "strength": None}, reference, scratch)]
    (scratch / "picture.png").rename(reference.first)
    return [*results, compare(program, folder, case, reference, scratch)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fixtures")
    one = commands.add_parser("compare")
    one.add_argument("--program", type=Path, default=ROOT / "build/release/prompt2pic")
    one.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    one.add_argument("--count", type=int, default=2, help="folders of each family")
    one.add_argument("--cases", type=int, default=4, help="pictures of each folder")
    one.add_argument("--first", type=int, default=0, help="the first folder's seed")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    if arguments.command == "fixtures":
        return fixtures()
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(arguments.first, arguments.first + arguments.count):
            for family in arguments.families:
                folder = Path(scratch) / f"{family}-{seed}"
                write_folder(folder, random_spec(family, seed), seed)
                print(f"folder {folder.name}", flush=True)
                reference = Img2Img(folder)
                for case in random_cases(family, seed, arguments.cases, Path(scratch)):
                    what = (arguments.program, folder, case, reference, Path(scratch))
                    results += compare_parts(*what) if case["upscale"] and not case["image"] else [compare(*what)]
    sys.exit(report(results))


if __name__ == "__main__":
    main()
