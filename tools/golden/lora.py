"""LoRA files for tests/golden/stable_diffusion, and what diffusers draws with them: writes tests/golden/lora anew.

lora.py                            needs tests/golden/stable_diffusion
lora.py full FOLDER FILE --rank N  a file of random numbers for every linear layer of FOLDER's UNet, to measure with
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers.utils import logging
from diffusers.utils.state_dict_utils import UNET_TO_DIFFUSERS
from PIL import Image
from safetensors.torch import load_file, save_file

from folders import ROOT
from sd_folders import Reference

OUT = ROOT / "tests/golden/lora"
MODELS = ROOT / "tests/golden/stable_diffusion"
COMPONENTS = {"unet": "lora_unet_", "text_encoder": "lora_te_", "text_encoder_2": "lora_te2_"}


def layers(pipeline, component, words):
    """Linear layers and convolutions whose names have one of the words in them, by diffusers' names without `text_model.`."""
    for name, part in getattr(pipeline, component).named_modules():
        if isinstance(part, (torch.nn.Linear, torch.nn.Conv2d)) and any(word in name for word in words):
            yield name.removeprefix("text_model."), part.weight.shape


def factors(shape, rank, generator, strength):
    """down and up of a change that is about `strength` as large as a weight."""
    size = shape[1:].numel()
    down = torch.randn((rank, *shape[1:]), generator=generator)
    up = torch.randn((shape[0], rank, *[1] * (len(shape) - 2)), generator=generator) * strength / (rank * size) ** 0.5
    return down, up


def dotted(component, name):
    return f"{component}.{'' if component == 'unet' or name == 'text_projection' else 'text_model.'}{name}"


def peft(component, name):
    return f"{dotted(component, name)}.lora_A.weight", f"{dotted(component, name)}.lora_B.weight", None


def lora_down(component, name):
    path = f"{dotted(component, name)}.{'lora' if component == 'unet' else 'lora_linear_layer'}"
    return f"{path}.down.weight", f"{path}.up.weight", None


def processor(component, name):
    """As diffusers wrote attention processors' LoRAs in 2023."""
    if component == "unet":
        old = next(o for o, n in UNET_TO_DIFFUSERS.items() if o.startswith(".to_") and o.endswith(".down") and name.endswith(n[: -len(".lora_A")]))
        block, stem = name.rsplit(".attn", 1)[0], old[1 : -len(".down")]
        path = f"{component}.{block}.attn{name.rsplit('.attn', 1)[1][0]}.processor.{stem}"
    else:
        block, layer = name.rsplit(".", 1)
        path = f"{component}.text_model.{block}.to_{layer.split('_')[0]}_lora"
    return f"{path}.down.weight", f"{path}.up.weight", None


def kohya(component, name, unet_name=str):
    prefix = COMPONENTS[component]
    stem = f"{prefix}text_model_" if component != "unet" and name != "text_projection" else prefix
    stem += (unet_name(name) if component == "unet" else name).replace(".", "_")
    return f"{stem}.lora_down.weight", f"{stem}.lora_up.weight", f"{stem}.alpha"


SDXL_BLOCKS = {  # of the fixture: one layer a level
    "down_blocks.0.resnets.0": "input_blocks.1.0",
    "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
    "down_blocks.1.resnets.0": "input_blocks.3.0",
    "down_blocks.1.attentions.0": "input_blocks.3.1",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "up_blocks.0.resnets.0": "output_blocks.0.0",
    "up_blocks.0.attentions.0": "output_blocks.0.1",
    "up_blocks.0.resnets.1": "output_blocks.1.0",
    "up_blocks.0.attentions.1": "output_blocks.1.1",
    "up_blocks.0.upsamplers.0": "output_blocks.1.2",
    "up_blocks.1.resnets.0": "output_blocks.2.0",
    "up_blocks.1.resnets.1": "output_blocks.3.0",
}
SDXL_LEAVES = {
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
}


def original(name):
    for new, old in SDXL_BLOCKS.items():
        if name == new or name.startswith(f"{new}."):
            name = old + name[len(new) :]
    for new, old in SDXL_LEAVES.items():
        if name == new or name.endswith(f".{new}"):
            name = name[: -len(new)] + old
    return name


def sgm(component, name):
    down, up, alpha = kohya(component, name, original)
    if component == "text_encoder":  # SDXL's first
        down, up, alpha = (key.replace("lora_te_", "lora_te1_") for key in (down, up, alpha))
    return down, up, alpha


ATTENTION = [".to_q", ".to_k", ".to_v", ".to_out.0"]
KINDS = ["resnets", "samplers", "conv_in", "conv_out", "_embedding", "proj_in", "proj_out", "attn2.to_q", "attn1.to_out.0", ".ff."]
# file, model, layout, words by component, rank, alpha, dtype
FILES = [
    ("sd1-peft", "sd1", peft, {"unet": [".attn1.", ".ff.", "conv1", "proj_in"], "text_encoder": ["_proj", ".fc1"]}, 3, None, torch.float16),
    ("sd1-kohya", "sd1", kohya, {"unet": KINDS, "text_encoder": ["_proj", "fc1"]}, 2, 1.0, torch.float16),
    ("sd1-processor", "sd1", processor, {"unet": ["0.attn1.to_", "0.attn2.to_"], "text_encoder": ["_proj"]}, 1, None, torch.float32),
    ("sd1-lora", "sd1", lora_down, {"unet": [".attn2.to_", "conv2"], "text_encoder": ["_proj", "fc2"]}, 1, None, torch.bfloat16),
    ("sdxl-sgm", "sdxl", sgm, {"unet": KINDS, "text_encoder": ["_proj"], "text_encoder_2": ["_proj", "fc2"]}, 1, 0.5, torch.float16),
    ("sdxl-peft", "sdxl", peft, {"unet": [".attn1.to_q", ".ff.net.2"], "text_encoder_2": ["_proj"]}, 2, None, torch.float16),
]  # fmt: skip


def cases():
    keys = ("model", "loras", "width", "height", "seed", "steps", "guidance", "prompt", "negative")
    rows = [
        ("sd1", [["sd1-peft", 1.0]], 64, 64, 1, 3, 7.5, "a red fox, on a blue background", ""),
        ("sd1", [["sd1-kohya", 0.8]], 72, 88, 2, 2, 5.0, "рыжая лиса", "blurry"),
        ("sd1", [["sd1-processor", 1.0]], 64, 64, 3, 2, 7.5, "a fox", ""),
        ("sd1", [["sd1-lora", 1.5], ["sd1-kohya", -0.5], ["sd1-peft", 0.25]], 64, 64, 4, 2, 7.5, "a fox", "a cat"),
        ("sdxl", [["sdxl-sgm", 1.0]], 64, 64, 5, 2, 5.0, "a red fox, on a blue background", ""),
        ("sdxl", [["sdxl-peft", 0.7], ["sdxl-sgm", 0.6]], 72, 88, 6, 2, 5.0, "a fox", "blurry"),
    ]
    return [dict(zip(keys, row)) for row in rows]


def write_lora(path, pipeline, layout, words, rank, alpha, dtype, generator, strength=0.7):
    tensors = {}
    for component, chosen in words.items():
        for name, shape in layers(pipeline, component, chosen):
            down, up, alpha_key = layout(component, name)
            tensors[down], tensors[up] = factors(shape, rank, generator, strength)
            if alpha is not None:
                # Convolutions have another, as LyCORIS gives them. diffusers forgets those of attentions that are not the most frequent one.
                tensors[alpha_key] = torch.tensor(alpha * (2 if component == "unet" and "conv" in name else 1))
    save_file({key: tensor.to(dtype).contiguous() for key, tensor in tensors.items()}, path)
    return len(tensors)


def write_fixtures():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for seed, (name, model, layout, words, rank, alpha, dtype) in enumerate(FILES):
        path = OUT / f"{name}.safetensors"
        count = write_lora(path, Reference(MODELS / model).pipeline, layout, words, rank, alpha, dtype, torch.Generator().manual_seed(seed))
        path.chmod(0o644)
        print(path.name, count, "tensors", path.stat().st_size, "bytes")
    rows = cases()
    for index, case in enumerate(rows, 1):
        case["file"] = f"{case['model']}-{index}.png"
        reference = Reference(MODELS / case["model"])
        plain = reference.draw({**case, "sampler": None})
        for number, (name, _) in enumerate(case["loras"]):
            reference.pipeline.load_lora_weights(load_file(OUT / f"{name}.safetensors"), adapter_name=str(number))
        reference.pipeline.set_adapters([str(n) for n in range(len(case["loras"]))], [weight for _, weight in case["loras"]])
        picture = reference.draw({**case, "sampler": None})
        Image.fromarray(picture).save(OUT / case["file"], optimize=True)
        change = abs(picture.astype(int) - plain).mean()
        print(case["file"], f"mean {picture.mean():.1f} std {picture.std():.1f}, changed by {change:.1f}, at an end {((picture == 0) | (picture == 255)).mean():.2f}")
    (OUT / "cases.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    full = commands.add_parser("full")
    full.add_argument("folder", type=Path)
    full.add_argument("file", type=Path)
    full.add_argument("--rank", type=int, default=64)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    if arguments.command is None:
        return write_fixtures()
    words = {"unet": [*ATTENTION, ".ff.", "proj_in", "proj_out"]}
    write_lora(arguments.file, Reference(arguments.folder).pipeline, kohya, words, arguments.rank, 1.0, torch.float16, torch.Generator(), 0.1)


if __name__ == "__main__":
    main()
