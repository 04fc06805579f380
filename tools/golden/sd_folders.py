"""Stable Diffusion folders with random weights of any shape, written as published ones are, and diffusers' pipelines over them."""

import json
import math
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from folders import END, write_json, write_tokenizer, write_weights
from samplers import SAMPLERS

VERSION = diffusers.__version__


def values(name, shape, spec, generator):
    """Random values under which no part of a network is idle and none explodes; pictures are grey on average."""
    noise = torch.randn(shape, generator=generator)
    if name.endswith("bias"):
        return (0.5 if name == f"{spec.get('last')}.bias" else 0) + 0.1 * noise
    if len(shape) == 1:
        return 1 + 0.2 * noise
    if "token_embedding" in name:
        return (spec["std"] or 0.7) * noise
    if "position_embedding" in name:
        return (spec["std"] or 0.3) * noise
    gain = {"decoder.conv_out.weight": 0.5, f"{spec.get('last')}.weight": 0.2}.get(name, 1.2)
    return (spec["std"] or gain / math.sqrt(math.prod(shape[1:]))) * noise


def old_attention_name(name):
    """As diffusers named the parts of a VAE's attention before 2023."""
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        name = name.replace(f".attentions.0.{new}.", f".attentions.0.{old}.")
    return name


def write_part(folder, kind, config, spec, generator, rename=str):
    with torch.device("meta"):
        module = kind(**config)
    module.save_config(folder)
    last = {"last": f"decoder.layers.{len(module.decoder.layers) - 1}"} if kind is AutoencoderTiny else {}
    variant = f".{spec['variant']}" if spec.get("variant") else ""
    file = folder / f"diffusion_pytorch_model{variant}.safetensors"
    write_weights(file, module, {**spec, **last}, generator, values=values, rename=rename)


def write_text_encoder(folder, kind, config, vocabulary, spec, generator):
    rows = config.get("vocab_size", vocabulary)
    # 0, 1 and 2 are what published files say; 2 means: the end is where the largest id is.
    config = CLIPTextConfig(**{"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, **config, "vocab_size": rows})
    with torch.device("meta"):
        module = kind(config)
    write_json(folder / "config.json", {**config.to_diff_dict(), "architectures": [kind.__name__], "model_type": "clip_text_model"})
    variant = f".{spec['variant']}" if spec.get("variant") else ""
    projects = kind is CLIPTextModelWithProjection  # its names have "text_model." in every version
    old = spec.get("old_names", False) and not projects
    write_weights(folder / f"model{variant}.safetensors", module, spec, generator, old_names=old, values=values)


def write_folder(folder, spec, seed):
    """`spec`: see sd_specs.py."""
    folder = Path(folder)
    generator = torch.Generator().manual_seed(seed)
    spec = {"dtype": "f32", "std": None, **spec}
    parts = {}
    for number, (text, (merges, pad)) in enumerate(zip(spec["texts"], spec["tokenizers"])):
        suffix = "" if number == 0 else f"_{number + 1}"
        kind = CLIPTextModelWithProjection if number else CLIPTextModel
        vocabulary = write_tokenizer(folder / f"tokenizer{suffix}", merges, text["max_position_embeddings"], pad or END)
        write_text_encoder(folder / f"text_encoder{suffix}", kind, text, vocabulary, spec, generator)
        parts |= {f"text_encoder{suffix}": ["transformers", kind.__name__], f"tokenizer{suffix}": ["transformers", "CLIPTokenizer"]}
    write_part(folder / "unet", UNet2DConditionModel, spec["unet"], spec, generator)
    vae = AutoencoderTiny if spec.get("tiny_vae") else AutoencoderKL
    write_part(folder / "vae", vae, spec["vae"], spec, generator, old_attention_name if spec.get("old_names") else str)
    write_json(folder / "scheduler/scheduler_config.json", {"_diffusers_version": VERSION, **spec["scheduler"]})

    parts |= {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", vae.__name__]}
    parts |= {"scheduler": ["diffusers", spec["scheduler"]["_class_name"]], "feature_extractor": [None, None]}
    if len(spec["texts"]) == 2:
        more = {"force_zeros_for_empty_prompt": spec.get("force_zeros", True)}
    else:
        more = {"safety_checker": [None, None], "requires_safety_checker": False}
    write_json(folder / "model_index.json", {"_class_name": spec["pipeline"], "_diffusers_version": VERSION, **parts, **more})


class Reference:
    """diffusers' own pipeline over a folder, in f32."""

    def __init__(self, folder):
        index = json.loads((Path(folder) / "model_index.json").read_text())
        self.kind = index["_class_name"]
        self.guided = self.kind != "LatentConsistencyModelPipeline"
        more = {"add_watermarker": False} if "XL" in self.kind else {}
        variant = {"variant": "fp16"} if list(Path(folder).glob("unet/*.fp16.safetensors")) else {}
        self.pipeline = getattr(diffusers, self.kind).from_pretrained(folder, torch_dtype=torch.float32, **more, **variant)
        self.pipeline.set_progress_bar_config(disable=True)
        self.scheduler = self.pipeline.scheduler
        self.vae = self.pipeline.vae

    def draw(self, case):
        """A picture as [height, width, 3] bytes. `sampler` null is the model's own scheduler, `vae` another pipeline's folder."""
        return np.asarray(self._images(case)[0])

    def latents(self, case):
        return self._images(case, output_type="latent")

    def _images(self, case, **options):
        self.pipeline.vae = Reference(case["vae"]).vae if case.get("vae") else self.vae
        (self.pipeline.vae.enable_tiling if case.get("tiling") else self.pipeline.vae.disable_tiling)()
        kind, more = SAMPLERS.get(case["sampler"], (type(self.scheduler).__name__, {}))
        self.pipeline.scheduler = getattr(diffusers, kind).from_config(self.scheduler.config, **more)
        negative = {"negative_prompt": case["negative"] or None} if self.guided else {}
        return self.pipeline(
            case["prompt"],
            height=case["height"],
            width=case["width"],
            num_inference_steps=case["steps"],
            guidance_scale=case["guidance"],
            generator=torch.Generator("cpu").manual_seed(case["seed"]),
            **negative,
            **options,
        ).images
