"""LoRA files for tests/golden/stable_diffusion, and the pictures that diffusers draws with them: writes tests/golden/lora.

lora.py fixtures                   needs tests/golden/stable_diffusion
lora.py compare --count 2          compares pictures with those of diffusers with random LoRAs, over folders with random weights and
                                   shapes: exits with 1 when a limit is exceeded
lora.py full FOLDER FILE --rank N  a random file for every linear layer of FOLDER's UNet, for measurements
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from diffusers.utils import logging
from diffusers.utils.peft_utils import set_weights_and_activate_adapters
from diffusers.utils.state_dict_utils import UNET_TO_DIFFUSERS
from PIL import Image
from safetensors.torch import load_file, save_file

from compare import PROMPTS, compare, report
from folders import ROOT
from sd_folders import Reference, write_folder
from sd_specs import random_spec
from stable_diffusion import FAMILIES

OUT = ROOT / "tests/golden/lora"
MODELS = ROOT / "tests/golden/stable_diffusion"
COMPONENTS = {"unet": "lora_unet_", "text_encoder": "lora_te_", "text_encoder_2": "lora_te2_"}


def layers(pipeline, component, words):
    """Linear layers and convolutions whose names (in diffusers, without `text_model.`) contain one of the words."""
    for name, part in getattr(pipeline, component).named_modules():
        if isinstance(part, (torch.nn.Linear, torch.nn.Conv2d)) and any(word in name for word in words):
            yield name.removeprefix("text_model."), part.weight.shape


def factors(shape, rank, generator, strength):
    """down and up of a change of about `strength` times a weight."""
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
    """The format of diffusers' attention processor LoRAs of 2023."""
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


# Not add_embedding and cond_proj: diffusers reads them in some of the layouts only.
ATTENTION = [".to_q", ".to_k", ".to_v", ".to_out.0"]
KINDS = ["resnets", "samplers", "conv_in", "conv_out", "time_embedding.linear", "proj_in", "proj_out", "attn2.to_q", "attn1.to_out.0", ".ff."]
# file, model, layout, words by component, rank, alpha, dtype
FILES = [
    ("sd1-peft", "sd1", peft, {"unet": [".attn1.", ".ff.", "conv1", "proj_in"], "text_encoder": ["_proj", ".fc1"]}, 3, None, torch.float16),
    ("sd1-kohya", "sd1", kohya, {"unet": KINDS, "text_encoder": ["_proj", "fc1"]}, 2, 1.0, torch.float16),
    ("sd1-processor", "sd1", processor, {"unet": ["0.attn1.to_", "0.attn2.to_"], "text_encoder": ["_proj"]}, 1, None, torch.float32),
    ("sd1-lora", "sd1", lora_down, {"unet": [".attn2.to_", "conv2"], "text_encoder": ["_proj", "fc2"]}, 1, None, torch.bfloat16),
    ("sdxl-sgm", "sdxl", sgm, {"unet": [*KINDS, "add_embedding"], "text_encoder": ["_proj"], "text_encoder_2": ["_proj", "fc2"]}, 1, 0.5, torch.float16),
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


def write_lora(path, pipeline, layout, words, rank, alpha, dtype, generator, strength=0.7, conv_alpha=1.0):
    """`alpha` of each layer, that of the UNet's convolutions times `conv_alpha`."""
    tensors = {}
    for component, chosen in words.items():
        for name, shape in layers(pipeline, component, chosen):
            down, up, alpha_key = layout(component, name)
            tensors[down], tensors[up] = factors(shape, rank, generator, strength)
            if alpha is not None:
                tensors[alpha_key] = torch.tensor(alpha * (conv_alpha if component == "unet" and "conv" in name else 1))
    save_file({key: tensor.to(dtype).contiguous() for key, tensor in tensors.items()}, path)
    return len(tensors)


def load_loras(pipeline, loras):
    for number, (file, _) in enumerate(loras):
        pipeline.load_lora_weights(load_file(file), adapter_name=str(number))
    # What set_adapters does, which fails for a list as layers_per_block.
    for part in (getattr(pipeline, name, None) for name in COMPONENTS):
        weights = {str(n): weight for n, (_, weight) in enumerate(loras) if str(n) in getattr(part, "peft_config", {})}
        if weights:
            set_weights_and_activate_adapters(part, list(weights), list(weights.values()))


def random_loras(folder, scratch, seed, draw):
    """Two files and their weights. diffusers recognises a text encoder's LoRA in kohya's layout by its out_proj."""
    files = []
    for number, layout in enumerate(draw.sample([peft, lora_down, kohya], 2)):
        pipeline = Reference(folder).pipeline
        words = {name: ["_proj", draw.choice(["fc1", "fc2"])] for name in COMPONENTS if getattr(pipeline, name, None) and draw.random() < 0.7}
        words["unet"] = draw.sample([*KINDS, *ATTENTION], draw.randint(4, 10))
        path = scratch / f"{folder.name}-{number}.safetensors"
        dtype = draw.choice([torch.float32, torch.float16, torch.bfloat16])
        alpha = draw.choice([1.0, 3.0]) if layout is kohya else None
        write_lora(path, pipeline, layout, words, draw.randint(1, 9), alpha, dtype, torch.Generator().manual_seed(seed + number), 0.4)
        files.append((path, draw.choice([1.0, 0.5, -0.75, 1.25])))
    return files


def compare_random(program, count, first):
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for family, seed in [(family, seed) for seed in range(first, first + count) for family in FAMILIES]:
            folder, draw = scratch / f"{family}-{seed}", random.Random(seed)
            write_folder(folder, random_spec(family, seed), seed)
            loras = random_loras(folder, scratch, seed, draw)
            reference = Reference(folder)
            load_loras(reference.pipeline, loras)
            print(f"folder {folder.name}", flush=True)
            case = {"prompt": draw.choice(PROMPTS), "negative": "", "seed": seed, "width": 96, "height": 64, "steps": 3, "guidance": 4.0}
            case |= {"sampler": None, "lora": [f"{file}:{weight}" for file, weight in loras]}
            results.append(compare(program, folder, case, reference, scratch))
    sys.exit(report(results))


def write_fixtures():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for seed, (name, model, layout, words, rank, alpha, dtype) in enumerate(FILES):
        path = OUT / f"{name}.safetensors"
        generator = torch.Generator().manual_seed(seed)
        # As LyCORIS gives them. The other way round diffusers would forget: an attention's layers get the most frequent alpha, whatever theirs.
        count = write_lora(path, Reference(MODELS / model).pipeline, layout, words, rank, alpha, dtype, generator, conv_alpha=2.0)
        path.chmod(0o644)
        print(path.name, count, "tensors", path.stat().st_size, "bytes")
    rows = cases()
    for index, case in enumerate(rows, 1):
        case["file"] = f"{case['model']}-{index}.png"
        reference = Reference(MODELS / case["model"])
        plain = reference.draw({**case, "sampler": None})
        load_loras(reference.pipeline, [(OUT / f"{name}.safetensors", weight) for name, weight in case["loras"]])
        picture = reference.draw({**case, "sampler": None})
        Image.fromarray(picture).save(OUT / case["file"], optimize=True)
        change = abs(picture.astype(int) - plain).mean()
        print(case["file"], f"mean {picture.mean():.1f} std {picture.std():.1f}, changed by {change:.1f}, at an end {((picture == 0) | (picture == 255)).mean():.2f}")
    (OUT / "cases.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fixtures")
    against = commands.add_parser("compare")
    against.add_argument("--program", type=Path, default=ROOT / "build/release/prompt2pic")
    against.add_argument("--count", type=int, default=2, help="folders of each family")
    against.add_argument("--first", type=int, default=0, help="the first folder's seed")
    full = commands.add_parser("full")
    full.add_argument("folder", type=Path)
    full.add_argument("file", type=Path)
    full.add_argument("--rank", type=int, default=64)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    if arguments.command == "fixtures":
        return write_fixtures()
    if arguments.command == "compare":
        return compare_random(arguments.program, arguments.count, arguments.first)
    words = {"unet": [*ATTENTION, ".ff.", "proj_in", "proj_out"]}
    write_lora(arguments.file, Reference(arguments.folder).pipeline, kohya, words, arguments.rank, 1.0, torch.float16, torch.Generator(), 0.1)


if __name__ == "__main__":
    main()
