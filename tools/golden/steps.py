"""The competitors of tools/bench_vs.py: one network of a folder (prior or UNet with guidance, or decoder) at the sizes of a picture.

steps.py convert PART FOLDER WIDTH HEIGHT OUT           writes OUT/PART/openvino_model.xml: openvino.convert_model's, with f32 weights

These read numbers of steps from standard input, one per line, and answer each with a JSON list of the seconds per step:

steps.py diffusers PART FOLDER WIDTH HEIGHT             bf16, channels-last
steps.py conversion PART FOLDER WIDTH HEIGHT OUT        what was converted, bf16
steps.py genai unet FOLDER WIDTH HEIGHT OUT             the same, run by OpenVINO GenAI's own class
steps.py sd_cpp unet FOLDER WIDTH HEIGHT CHECKPOINT     stable-diffusion.cpp on a single file: a step with guidance is two passes of its own
"""

import json
import os
import shutil
import sys
import time
import warnings
from math import ceil
from pathlib import Path

import openvino
import torch
from diffusers import UNet2DConditionModel
from diffusers.pipelines.deprecated.wuerstchen import WuerstchenDiffNeXt, WuerstchenPrior

NETWORKS = {
    "prior": (WuerstchenPrior, "prior/prior"),
    "decoder": (WuerstchenDiffNeXt, "decoder/decoder"),
    "unet": (UNet2DConditionModel, "unet"),
}


HINTS = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "LATENCY"}


class Tuple(torch.nn.Module):
    """diffusers' newer networks answer with an object of their own, which cannot be traced."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.network(sample, timestep, encoder_hidden_states, return_dict=False)


def read(folder, name):
    return json.loads((folder / name).read_text())


def inputs(part, folder, width, height):
    if part == "unet":
        config = read(folder, "unet/config.json")
        cell = 2 ** (len(read(folder, "vae/config.json")["block_out_channels"]) - 1)
        tokens = read(folder, "tokenizer/tokenizer_config.json")["model_max_length"]
        return {
            "sample": torch.randn(2, config["in_channels"], height // cell, width // cell),
            "timestep": torch.full((2,), 500.0),
            "encoder_hidden_states": torch.randn(2, tokens, config["cross_attention_dim"]),
        }
    multiple = read(folder, "prior/model_index.json")["resolution_multiple"]
    cells = [ceil(height / multiple), ceil(width / multiple)]
    config = read(folder, f"{part}/{part}/config.json")
    tokens = read(folder, f"{part}/tokenizer/tokenizer_config.json")["model_max_length"]
    if part == "prior":
        return {"x": torch.randn(2, config["c_in"], *cells), "r": torch.full((2,), 0.5), "c": torch.randn(2, tokens, config["c_cond"])}
    scale = read(folder, "decoder/model_index.json")["latent_dim_scale"]
    return {
        "x": torch.randn(1, config["c_in"], *(int(cell * scale) for cell in cells)),
        "r": torch.full((1,), 0.5),
        "effnet": torch.randn(1, config["effnet_embd"], *cells),
        "clip": torch.randn(1, tokens, config["clip_embd"]),
    }


def load(part, folder, dtype):
    kind, place = NETWORKS[part]
    network = kind.from_pretrained(folder / place, torch_dtype=dtype).eval()
    return Tuple(network) if part == "unet" else network


def convert(part, folder, example, out):
    warnings.simplefilter("ignore", FutureWarning)  # of torch.jit, which convert_model traces with
    model = openvino.convert_model(
        load(part, folder, torch.float32), example_input=example, input=[(name, list(value.shape)) for name, value in example.items()]
    )
    (out / part).mkdir(parents=True)
    openvino.save_model(model, out / part / "openvino_model.xml", compress_to_fp16=False)
    if part == "unet":  # what GenAI reads beside it
        shutil.copy(folder / "unet/config.json", out / part)
        (out / "vae_decoder").mkdir()
        shutil.copy(folder / "vae/config.json", out / "vae_decoder")


def diffusers_step(part, folder, example):
    model = load(part, folder, torch.bfloat16).to(memory_format=torch.channels_last)
    example = {name: value.to(torch.bfloat16) for name, value in example.items()}
    example = {name: value.to(memory_format=torch.channels_last) if value.dim() == 4 else value for name, value in example.items()}
    return lambda: model(**example)


def conversion_step(part, network, example):
    request = openvino.Core().compile_model(network / part / "openvino_model.xml", "CPU", HINTS).create_infer_request()
    values = [value.numpy() for value in example.values()]
    return lambda: request.infer(values)


def genai_step(network, example):
    from openvino_genai import UNet2DConditionModel

    model = UNet2DConditionModel(network / "unet", "CPU", **HINTS)
    sample, timestep, words = (openvino.Tensor(value.numpy()) for value in example.values())
    model.set_hidden_states("encoder_hidden_states", words)
    return lambda: model.infer(sample, timestep)


def sd_cpp_steps(checkpoint, width, height):
    """For a number of steps, the seconds of each: of whole pictures, since no less can be asked for."""
    from stable_diffusion_cpp import StableDiffusion

    model = StableDiffusion(model_path=checkpoint, n_threads=len(os.sched_getaffinity(0)), verbose=False)

    def run(steps):
        ends = []

        def told(step, of, _):
            if of == steps + 1:  # else it tells of something else than sampling
                ends.append(time.perf_counter())

        model.generate_image(
            "a fox",
            width=width,
            height=height,
            sample_steps=steps + 1,
            cfg_scale=7.5,
            sample_method="euler",
            progress_callback=told,
        )
        return [after - before for before, after in zip(ends, ends[1:])]

    return run


@torch.no_grad()
def main():
    what, part, folder, width, height, *path = sys.argv[1:]
    folder = Path(folder)
    if what == "sd_cpp":
        run = sd_cpp_steps(*path, int(width), int(height))
        for line in sys.stdin:
            print(json.dumps(run(int(line))), flush=True)
        return
    torch.manual_seed(0)
    example = inputs(part, folder, int(width), int(height))
    if what == "convert":
        return convert(part, folder, example, Path(*path))
    steps = {
        "diffusers": lambda: diffusers_step(part, folder, example),
        "conversion": lambda: conversion_step(part, Path(*path), example),
        "genai": lambda: genai_step(Path(*path), example),
    }
    step = steps[what]()
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
