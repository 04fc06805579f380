"""Writes tests/golden/editing: pictures of the models of tests/golden/stable_diffusion whose prompts use editing, alternation, AND or clip skip.

The loop is written anew over diffusers' networks and schedulers. The guidance of several texts is the one of AUTOMATIC1111's web UI.
"""

import inspect
import json
import shutil

import diffusers
import numpy as np
import torch
from diffusers.utils import logging
from PIL import Image

from folders import ROOT
from prompts import chunks_of, encode_chunk
from samplers import SAMPLERS
from schedules import parts_of, schedule, text_at
from sd_folders import Reference

OUT = ROOT / "tests/golden/editing"
MODELS = ROOT / "tests/golden/stable_diffusion"


class Texts:
    """Encodes the texts of a case."""

    def __init__(self, pipeline, case, total):
        self.pipeline, self.skip = pipeline, case["clip_skip"]
        self.encoders = [(pipeline.tokenizer, pipeline.text_encoder)]
        if hasattr(pipeline, "text_encoder_2"):
            self.encoders.append((pipeline.tokenizer_2, pipeline.text_encoder_2))
        self.parts = parts_of(case["prompt"], total)
        self.negative = schedule(case["negative"], total)
        self.zeros = len(self.encoders) > 1 and not case["negative"]
        self.longest = {id(texts): self.length(texts) for texts in [self.negative, *(texts for _, texts in self.parts)]}
        self.of_parts = max(self.longest[id(texts)] for _, texts in self.parts)
        self.all = max(self.of_parts, 0 if self.zeros else self.longest[id(self.negative)])

    def length(self, texts):
        return max(len(chunks_of(tokenizer, text)) for tokenizer, _ in self.encoders for _, text in texts)

    def encode(self, texts, evaluation, of_parts):
        """[1, tokens, width] and the pooled text."""
        columns, pooled, pair = [], None, len(self.encoders) > 1
        for tokenizer, encoder in self.encoders:
            chunks = chunks_of(tokenizer, text_at(texts, evaluation))
            chunks += [[]] * (self.longest[id(texts)] - len(chunks))
            results = [encode_chunk(tokenizer, encoder, chunk, pair, self.skip) for chunk in chunks]
            states = [state for state, _ in results]
            pooled = results[0][1]
            if of_parts:
                length = states[-1].shape[1]
                states += [states[-1][:, -1:].repeat(1, length, 1)] * (self.of_parts - len(chunks))
            empty = encode_chunk(tokenizer, encoder, [], pair, self.skip)[0]
            columns.append(torch.cat(states + [empty] * (self.all - len(states)), dim=1))
        return torch.cat(columns, dim=-1), pooled

    def conditions(self, evaluation):
        """Of the negative prompt, and of each part with its weight."""
        parts = [(*self.encode(texts, evaluation, True), weight) for weight, texts in self.parts]
        if self.zeros:
            return (torch.zeros_like(parts[0][0]), torch.zeros_like(parts[0][1])), parts
        return self.encode(self.negative, evaluation, False), parts


@torch.no_grad()
def draw(reference, case):
    pipeline = reference.pipeline
    kind, more = SAMPLERS.get(case["sampler"], (type(reference.scheduler).__name__, {}))
    scheduler = getattr(diffusers, kind).from_config(reference.scheduler.config, **more)
    scheduler.set_timesteps(case["steps"])
    generator = torch.Generator("cpu").manual_seed(case["seed"])
    cells = pipeline.vae_scale_factor
    unet = pipeline.unet
    shape = (1, unet.config.in_channels, case["height"] // cells, case["width"] // cells)
    latents = torch.randn(shape, generator=generator) * scheduler.init_noise_sigma
    texts = Texts(pipeline, case, case["steps"] * scheduler.order)
    embedded = unet.config.time_cond_proj_dim is not None
    guidance = case["guidance"] if case["guidance"] > 1 and not embedded else 1
    condition = pipeline.get_guidance_scale_embedding(torch.tensor([case["guidance"] - 1]), unet.config.time_cond_proj_dim) if embedded else None
    steps_with_generator = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    for evaluation, t in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(latents, t)

        def predict(embeds, pooled):
            options = {"timestep_cond": condition} if embedded else {}
            if unet.config.addition_embed_type:
                sizes = torch.tensor([[case["height"], case["width"], 0, 0, case["height"], case["width"]]], dtype=torch.float32)
                options["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": sizes}
            return unet(scaled, t, embeds, return_dict=False, **options)[0]

        negative, parts = texts.conditions(evaluation)
        without = predict(*negative)
        noise = without.clone()
        for embeds, pooled, weight in parts:
            noise += weight * guidance * (predict(embeds, pooled) - without)
        latents = scheduler.step(noise, t, latents, return_dict=False, **steps_with_generator)[0]
    image = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor, return_dict=False)[0]
    return np.asarray(pipeline.image_processor.postprocess(image, output_type="pil")[0])


LONG = ", ".join(["a red fox on a blue background", "laughing at the (snow:1.3)", "in the middle of the night"] * 4)
ROWS = [
    ("sd1", 64, 64, 1, 6, 7.5, None, None, "a [cat:dog:0.5] in a hat", ""),
    ("sd1", 64, 72, 2, 5, 5.0, "euler_a", None, "a [cat|(dog:1.3)|] in a [red:blue:2] hat", "[blurry:ugly:2]"),
    ("sd1", 64, 64, 3, 4, 7.5, "heun", None, "a [cat:dog:3] [in a hat::0.25]", ""),
    ("sd1", 72, 64, 4, 4, 7.5, "dpmpp_2m_karras", None, "a red fox AND snow :0.7 AND a [cat|dog] :-0.3", "blurry"),
    ("sd1", 64, 64, 5, 3, 1.0, "euler", None, "a red fox AND snow :0.5", "blurry"),
    ("sd1", 64, 64, 6, 3, 7.5, "ddim", None, "a red fox :0.5", ""),
    ("sd1", 64, 64, 7, 3, 7.5, None, 2, "a red (fox:1.2), on a blue background", "blurry"),
    ("sd1", 64, 64, 8, 3, 7.5, "unipc", None, f"{LONG} AND a [cat:dog:1]", "blurry"),
    ("sd2", 72, 64, 9, 4, 4.0, None, None, f"[{LONG}:a fox:0.5]", LONG),
    ("sd2", 64, 64, 10, 3, 4.0, None, 2, "a [fox|cat] AND snow", ""),
    ("turbo", 64, 64, 11, 3, 0.0, None, None, "a [cat:dog:1]", ""),
    ("lcm", 64, 64, 12, 4, 8.0, None, None, "a [cat|dog] AND snow :0.4", ""),
    ("sdxl", 64, 72, 13, 4, 5.0, None, None, "a [cat:dog:0.5] in a [red|blue] hat", ""),
    ("sdxl", 64, 64, 14, 3, 5.0, "euler_a", 2, "a red fox AND a [cat|dog] :0.6", "blurry"),
]  # fmt: skip


def main():
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    keys = ("model", "width", "height", "seed", "steps", "guidance", "sampler", "clip_skip", "prompt", "negative")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    references, cases = {}, []
    for number, row in enumerate(ROWS, 1):
        case = dict(zip(keys, row))
        reference = references.setdefault(case["model"], None) or Reference(MODELS / case["model"])
        references[case["model"]] = reference
        plain = {**case, "prompt": "a red fox", "negative": "blurry", "clip_skip": None}
        if reference.guided and not case["model"].startswith("turbo"):
            ours, diffusers_own = draw(reference, plain), reference.draw(plain)
            assert np.abs(ours.astype(int) - diffusers_own).max() <= 1, case  # this loop is diffusers' for plain prompts
        picture = draw(reference, case)
        case["file"] = f"{case['model']}-{number}.png"
        Image.fromarray(picture).save(OUT / case["file"], optimize=True)
        difference = np.abs(picture.astype(int) - draw(reference, plain)).mean()
        print(case["file"], f"mean {picture.mean():.1f}, differs by {difference:.1f} from a plain prompt")
        cases.append(case)
    (OUT / "cases.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
