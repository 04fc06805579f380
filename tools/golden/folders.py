"""Würstchen folders with random weights of any shape, in the published format, and diffusers' pipelines over them.

Weights are written tensor by tensor from the names and shapes of modules on torch's meta device: the published sizes need no more memory
than their largest tensor.
"""

import json
import math
import struct
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMWuerstchenScheduler
from diffusers.pipelines.deprecated.wuerstchen import (
    PaellaVQModel,
    WuerstchenCombinedPipeline,
    WuerstchenDecoderPipeline,
    WuerstchenDiffNeXt,
    WuerstchenPrior,
    WuerstchenPriorPipeline,
)
from diffusers.pipelines.deprecated.wuerstchen.pipeline_wuerstchen_prior import DEFAULT_STAGE_C_TIMESTEPS
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

ROOT = Path(__file__).resolve().parents[2]
TOKENIZER = ROOT / "tests/golden/tokenizer/large"
END = "<|endoftext|>"
DTYPES = {
    "f32": ("F32", torch.float32, 4),
    "f16": ("F16", torch.float16, 2),
    "bf16": ("BF16", torch.bfloat16, 2),
    "i64": ("I64", torch.int64, 8),
}


def values(name, shape, spec, generator):
    """Random values with which all parts of a network are active (unlike with freshly initialised zeros) and none explodes."""
    noise = torch.randn(shape, generator=generator)
    leaf = name.rsplit(".", 1)[-1]
    half = shape[0] // 2 if shape else 0
    if leaf == "running_var":
        return 0.5 + noise.abs()
    if leaf == "gammas":
        return 0.4 * noise
    if leaf in ("gamma", "beta"):
        return 0.3 * noise
    if leaf == "bias" or leaf == "running_mean":
        value = 0.1 * noise
        if name == "out.1.bias":  # b near 0 and near 2: |1 - b| is near 1 on both sides, far from where the prior divides by nothing
            value[half::2] += 2
        if name == "clf.1.bias":  # the decoder divides by sigmoid(b)
            value[half:] += 3
        if name == "out_block.0.bias":  # pictures are grey on average
            value += 0.5
        return value
    if len(shape) == 1:
        return 1 + 0.2 * noise
    if "token_embedding" in name:
        return (spec["std"] or 0.7) * noise
    if "position_embedding" in name:
        return (spec["std"] or 0.3) * noise
    fan_in = math.prod(shape[1:])
    if name in ("out.1.weight", "clf.1.weight", "out_block.0.weight"):
        return 0.15 / math.sqrt(fan_in) * noise
    if name.endswith(".mapper.weight"):
        return 0.3 / math.sqrt(fan_in) * noise
    if "effnet_mappers" in name:
        return 1.5 / (abs(spec["latent_mean"]) * math.sqrt(fan_in)) * noise
    return (spec["std"] or 1.2 / math.sqrt(fan_in)) * noise


def write_weights(path, module, spec, generator, old_names=False, values=values, rename=str):
    """`rename` maps names of module tensors to names in the file."""
    kinds = {torch.int64: "i64"}
    tensors = {rename(name): (tuple(t.shape), kinds.get(t.dtype, spec["dtype"])) for name, t in module.state_dict().items()}
    if old_names:  # as transformers named them when the published files were made
        tensors = {"text_model." + name: entry for name, entry in tensors.items()}
        tensors["text_model.embeddings.position_ids"] = ((1, module.config.max_position_embeddings), "i64")
    header, end = {}, 0
    for name, (shape, dtype) in sorted(tensors.items()):
        start, end = end, end + math.prod(shape) * DTYPES[dtype][2]
        header[name] = {"dtype": DTYPES[dtype][0], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, (shape, dtype) in sorted(tensors.items()):
            if dtype == "i64":
                data = torch.arange(math.prod(shape)).reshape(shape) if name.endswith("position_ids") else torch.zeros(shape).long()
            else:
                data = values(name, shape, spec, generator)
            file.write(data.to(DTYPES[dtype][1]).contiguous().flatten().view(torch.uint8).numpy().tobytes())


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def write_model(folder, kind, config, spec, generator):
    with torch.device("meta"):
        module = kind(**config)
    write_json(folder / "config.json", {"_class_name": kind.__name__, "_diffusers_version": "0.42.1", **config})
    write_weights(folder / "diffusion_pytorch_model.safetensors", module, spec, generator)


def write_text_encoder(folder, config, vocabulary, spec, generator):
    rows = config.get("vocab_size", vocabulary)
    config = CLIPTextConfig(
        **{**config, "vocab_size": rows},
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
        projection_dim=config["hidden_size"],
    )
    with torch.device("meta"):
        module = CLIPTextModel(config)
    write_json(folder / "config.json", {**config.to_diff_dict(), "architectures": ["CLIPTextModel"], "model_type": "clip_text_model"})
    write_weights(folder / "model.safetensors", module, spec, generator, old_names=spec["old_names"])


def write_tokenizer(folder, merges, length, pad=END):
    """Writes the tokenizer reduced to its first `merges` merges (None: all). Returns the size of its vocabulary."""
    rules = (TOKENIZER / "merges.txt").read_text().splitlines()[1:][:merges]
    vocabulary = json.loads((TOKENIZER / "vocab.json").read_text())
    tokens = sorted(vocabulary, key=vocabulary.get)[: 512 + len(rules)] + ["<|startoftext|>", END]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}, ensure_ascii=False, separators=(",", ":")))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *rules]) + "\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": END, "unk_token": END, "pad_token": pad}
    write_json(folder / "special_tokens_map.json", special)
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": length,
            "add_prefix_space": False,
            "do_lower_case": True,
            "errors": "replace",
            **special,
        },
    )
    return len(tokens)


def write_folder(folder, spec, seed):
    """`spec`: see specs.py. Writes the two published folders, or the one that WuerstchenCombinedPipeline saves."""
    folder = Path(folder)
    generator = torch.Generator().manual_seed(seed)
    spec = {"dtype": "f32", "std": None, "combined": False, "old_names": False, **spec}
    stages = ((folder, "prior_"), (folder, "")) if spec["combined"] else ((folder / "prior", ""), (folder / "decoder", ""))
    for (top, prefix), stage in zip(stages, ("prior", "decoder")):
        vocabulary = write_tokenizer(top / f"{prefix}tokenizer", *spec[f"{stage}_tokenizer"])
        write_text_encoder(top / f"{prefix}text_encoder", spec[f"{stage}_text"], vocabulary, spec, generator)
        write_json(
            top / f"{prefix}scheduler/scheduler_config.json",
            {
                "_class_name": "DDPMWuerstchenScheduler",
                "_diffusers_version": "0.42.1",
                **spec.get(f"{stage}_scheduler", {"s": 0.008, "scaler": 1.0}),
            },
        )
    write_model(stages[0][0] / f"{stages[0][1]}prior", WuerstchenPrior, spec["prior"], spec, generator)
    write_model(stages[1][0] / "decoder", WuerstchenDiffNeXt, spec["decoder"], spec, generator)
    write_model(stages[1][0] / "vqgan", PaellaVQModel, spec["vqgan"], spec, generator)

    text = {
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDPMWuerstchenScheduler"],
    }
    prior = {**text, "prior": ["wuerstchen", "WuerstchenPrior"]}
    decoder = {**text, "decoder": ["wuerstchen", "WuerstchenDiffNeXt"], "vqgan": ["wuerstchen", "PaellaVQModel"]}
    if spec["combined"]:
        parts = {**decoder, **{"prior_" + key: value for key, value in prior.items()}}
        write_json(folder / "model_index.json", {"_class_name": "WuerstchenCombinedPipeline", "_diffusers_version": "0.42.1", **parts})
        return
    numbers = {key: spec[key] for key in ("latent_mean", "latent_std", "resolution_multiple")}
    write_json(
        folder / "prior/model_index.json", {"_class_name": "WuerstchenPriorPipeline", "_diffusers_version": "0.42.1", **prior, **numbers}
    )
    write_json(
        folder / "decoder/model_index.json",
        {
            "_class_name": "WuerstchenDecoderPipeline",
            "_diffusers_version": "0.42.1",
            **decoder,
            "latent_dim_scale": spec["latent_dim_scale"],
        },
    )


class Reference:
    """diffusers over a folder of either layout, in f32. Loaded part by part, since 0.42.1 no longer finds these classes by the names in the folder."""

    def __init__(self, folder):
        folder = Path(folder)
        combined = (folder / "model_index.json").exists()
        prior, prefix, decoder = (folder, "prior_", folder) if combined else (folder / "prior", "", folder / "decoder")

        def load(kind, path):
            return kind.from_pretrained(path, torch_dtype=torch.float32).eval()

        first = {"prior": load(WuerstchenPrior, prior / f"{prefix}prior")}
        second = {"decoder": load(WuerstchenDiffNeXt, decoder / "decoder"), "vqgan": load(PaellaVQModel, decoder / "vqgan")}
        for parts, top, start in ((first, prior, prefix), (second, decoder, "")):
            parts["text_encoder"] = CLIPTextModel.from_pretrained(top / f"{start}text_encoder", dtype=torch.float32).eval()
            parts["tokenizer"] = CLIPTokenizer.from_pretrained(top / f"{start}tokenizer")
            parts["scheduler"] = DDPMWuerstchenScheduler.from_pretrained(top / f"{start}scheduler")
        self.combined = WuerstchenCombinedPipeline(**second, **{"prior_" + key: part for key, part in first.items()}) if combined else None
        if combined:
            self.prior, self.decoder = self.combined.prior_pipe, self.combined.decoder_pipe
        else:

            def numbers(path):
                return {k: v for k, v in json.loads(path.read_text()).items() if isinstance(v, (int, float))}

            self.prior = WuerstchenPriorPipeline(**first, **numbers(prior / "model_index.json"))
            self.decoder = WuerstchenDecoderPipeline(**second, **numbers(decoder / "model_index.json"))
        for pipeline in (self.prior, self.decoder):
            pipeline.set_progress_bar_config(disable=True)

    def embeddings(self, case, generator, **begin):
        times = {"num_inference_steps": case["steps"]} if case["steps"] else {"timesteps": DEFAULT_STAGE_C_TIMESTEPS}
        return self.prior(
            case["prompt"],
            height=case["height"],
            width=case["width"],
            guidance_scale=case["guidance"],
            negative_prompt=case["negative"],
            generator=generator,
            return_dict=False,
            **(begin or times),
        )[0]

    def varied(self, case, embeddings):
        """The embeddings redrawn from themselves at the case's strength, once with each seed of `variation`, and the last generator."""
        times = self.prior.scheduler.timesteps
        left = int((len(times) - 1) * case["strength"])
        for seed in case["variation"]:
            generator = torch.Generator("cpu").manual_seed(seed)
            latents = (embeddings + self.prior.config.latent_std) / self.prior.config.latent_mean
            noise = torch.randn(latents.shape, generator=generator)
            begin = times[-left - 1 :]
            noisy = self.prior.scheduler.add_noise(latents, noise, begin[:1])
            embeddings = self.embeddings(case, generator, latents=noisy, timesteps=begin.tolist())
        return embeddings, generator

    def draw(self, case):
        """A picture as [height, width, 3] bytes; both stages use one generator."""
        generator = torch.Generator("cpu").manual_seed(case["seed"])
        if self.combined and not case.get("variation"):
            times = {"prior_num_inference_steps": case["steps"]} if case["steps"] else {"prior_timesteps": DEFAULT_STAGE_C_TIMESTEPS}
            images = self.combined(
                case["prompt"],
                height=case["height"],
                width=case["width"],
                prior_guidance_scale=case["guidance"],
                negative_prompt=case["negative"],
                num_inference_steps=case["decoder_steps"],
                decoder_guidance_scale=case["decoder_guidance"],
                generator=generator,
                **times,
            ).images
        else:
            embeddings = self.embeddings(case, generator)
            if case.get("variation"):
                embeddings, generator = self.varied(case, embeddings)
            images = self.decoder(
                embeddings,
                case["prompt"],
                num_inference_steps=case["decoder_steps"],
                guidance_scale=case["decoder_guidance"],
                negative_prompt=case["negative"],
                generator=generator,
            ).images
        return np.asarray(images[0])
