"""Writes the model folder: the two published folders in bf16, with prompt2pic.json, the card and the licence."""

import json
import shutil
from pathlib import Path

import torch
from diffusers import DDPMWuerstchenScheduler

from . import card, codes, compressor, drawing
from .pictures import SIDE

VERSION = "0.42.1"  # diffusers'
TEXT = {
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "DDPMWuerstchenScheduler"],
}
INDEX = {
    "prior": {"_class_name": "WuerstchenPriorPipeline", "prior": ["wuerstchen", "WuerstchenPrior"], **drawing.PRIOR},
    "decoder": {
        "_class_name": "WuerstchenDecoderPipeline",
        "decoder": ["wuerstchen", "WuerstchenDiffNeXt"],
        "vqgan": ["wuerstchen", "PaellaVQModel"],
        **drawing.DECODER,
    },
}


EXAMPLES = {
    "en": ["a fox in the snow", "cat and dog", "draw a red apple on a blue background", "an owl at night, flat style", "a small house at sunset"],
    "ru": ["лиса в снегу", "кот и собака", "нарисуй красное яблоко на синем фоне", "сова ночью, плоский стиль", "маленький дом на закате"],
}


def write_json(path, content):
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write(folder, work, parts, run):
    """`parts`: {"prior": {"prior": network, ...}, "decoder": {...}}; `work`: where the tokenizer lies and the folder is made before it replaces
    the one of an earlier run; `run`: what the card says, see card.py."""
    fresh = work / "model"
    shutil.rmtree(fresh, ignore_errors=True)
    for stage, networks in parts.items():
        top = fresh / stage
        for name, network in networks.items():
            network.to(torch.bfloat16).save_pretrained(top / name)
        shutil.copytree(work / "tokenizer", top / "tokenizer")
        DDPMWuerstchenScheduler().save_pretrained(top / "scheduler")
        if stage == "prior":
            for kept in (compressor.FILE, codes.FILE):
                shutil.copy(work / kept, top)
        write_json(top / "model_index.json", {"_diffusers_version": VERSION, **TEXT, **INDEX[stage]})
    write_json(
        fresh / "prompt2pic.json",
        {
            "title": {"en": run["title"], "ru": run["title_ru"]},
            "width": SIDE,
            "height": SIDE,
            "sizes": [f"{SIDE}x{SIDE}"],
            **drawing.SETTINGS,
            "languages": run["languages"],
            **({"examples": EXAMPLES} if run["emoji"] else {}),
            "licence": run["licence"],
        },
    )
    (fresh / "README.md").write_text(card.text(run, parts))
    if run["emoji"]:
        shutil.copy(Path(__file__).with_name("NOTICES"), fresh / "LICENSE")
    for file in fresh.rglob("*.*"):
        file.chmod(0o644)  # torch writes files that only the owner can read; services run as another user
    for entry in fresh.iterdir():
        target = folder / entry.name
        if target.is_dir():
            shutil.rmtree(target)
        entry.rename(target)
    fresh.rmdir()
