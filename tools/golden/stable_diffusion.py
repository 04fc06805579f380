"""Stable Diffusion folders with random weights, and the results of diffusers.

stable_diffusion.py fixtures                                                        writes tests/golden/stable_diffusion
stable_diffusion.py random DIR --family sd1 --seed N --scale tiny|full --dtype f32|f16|bf16    writes one folder; shapes depend on the seed unless full
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.upsampling import Upsample2D
from diffusers.utils import logging
from PIL import Image
from safetensors.torch import save_file

from folders import ROOT
from sd_folders import Reference, write_folder
from sd_specs import fixture_specs, full_spec, random_spec

OUT = ROOT / "tests/golden/stable_diffusion"
FAMILIES = ("sd1", "sd2", "turbo", "lcm", "sdxl")


def cases():
    keys = ("model", "width", "height", "seed", "steps", "guidance", "sampler", "prompt", "negative")
    rows = [
        ("sd1", 64, 64, 1, 4, 7.5, None, "a red fox, on a blue background", ""),
        ("sd1", 96, 160, 2**32 + 7, 3, 5.0, "euler_a", "рыжая лиса на снегу 🦊", "blurry, ugly"),
        ("sd1", 72, 88, 100, 5, 7.5, "dpmpp_2m_karras", "青い背景の赤い狐", ""),
        ("sd1", 64, 96, 5, 1, 1.0, "unipc", "a fox", "ignored without guidance"),
        ("sd2", 72, 88, 3, 4, 7.5, None, "a fox", "кошка"),
        ("sd2", 96, 160, 2**64 - 1, 3, 3.0, "heun", "", "a cat"),
        ("lcm", 64, 96, 7, 4, 8.0, None, "a red fox, on a blue background", ""),
        ("lcm", 96, 160, 0, 1, 4.0, None, "рыжая лиса", ""),
        ("turbo", 96, 64, 42, 1, 0.0, None, "a red fox, on a blue background", ""),
        ("turbo", 72, 88, 9, 3, 2.0, "dpmpp_2m_sde", "a fox", "размыто"),
        ("sdxl", 96, 160, 11, 4, 5.0, None, "a red fox, on a blue background", ""),
        ("sdxl", 72, 88, 12, 3, 5.0, "ddim", "рыжая лиса на снегу 🦊", "blurry, ugly"),
        ("sdxl", 64, 64, 13, 2, 0.0, "lcm", "", ""),
    ]
    decoding = [  # a tile is 128 px
        ({"tiling": True}, ("sd1", 264, 200, 14, 1, 1.0, None, "a red fox", "")),
        ({"tiling": True}, ("sd2", 128, 136, 15, 1, 1.0, None, "a red fox", "")),
        ({"vae": "turbo"}, ("sd1", 72, 88, 16, 2, 5.0, None, "a red fox", "")),
    ]
    return [dict(zip(keys, row)) for row in rows] + [{**dict(zip(keys, row)), **more} for more, row in decoding]


def record(module, prefix, tensors, call):
    """Runs `call` and keeps the first input and the output of a block of each kind on the way down, in the middle and on the way up."""
    hooks = []
    last = sum(1 for name, _ in module.named_children() if name == "up_blocks") and len(module.up_blocks) - 1
    tops = tuple(f"{top}." for top in ("down_blocks.0", "down_blocks.1", "mid_block", f"up_blocks.{last}", "up_blocks.0"))
    for path, part in module.named_modules():
        kinds = (ResnetBlock2D, Transformer2DModel, Downsample2D, Upsample2D)
        if path != "time_embedding" and not (path.startswith(tops) and isinstance(part, kinds)):
            continue

        def keep(_part, inputs, output, path=path):
            tensors[f"{prefix}/{path}/input"] = inputs[0]
            tensors[f"{prefix}/{path}/output"] = output[0] if isinstance(output, tuple) else output

        hooks.append(part.register_forward_hook(keep))
    tensors[f"{prefix}/output"] = call()
    for hook in hooks:
        hook.remove()


@torch.no_grad()
def networks(pipeline):
    """Inputs and outputs of the networks and of blocks in the UNet. Odd sides make every skip's size matter."""
    generator = torch.Generator().manual_seed(11)

    def noise(*shape):
        return torch.randn(shape, generator=generator)

    unet, config = pipeline.unet, pipeline.unet.config
    x, text = noise(2, config.in_channels, 5, 7), noise(2, 9, config.cross_attention_dim)
    tensors = {"unet/x": x, "unet/text": text, "unet/timestep": torch.tensor([357.25])}
    more = {}
    if config.time_cond_proj_dim is not None:
        tensors["unet/timestep_cond"] = pipeline.get_guidance_scale_embedding(torch.tensor([6.5, 6.5]), config.time_cond_proj_dim)
        more["timestep_cond"] = tensors["unet/timestep_cond"]
    if config.addition_embed_type:
        tensors["unet/time_ids"] = torch.tensor([[72.0, 88.0, 0.0, 0.0, 72.0, 88.0]]).repeat(2, 1)
        tensors["unet/text_embeds"] = noise(2, pipeline.text_encoder_2.config.projection_dim)
        more["added_cond_kwargs"] = {key: tensors[f"unet/{key}"] for key in ("time_ids", "text_embeds")}
    record(unet, "unet", tensors, lambda: unet(x, tensors["unet/timestep"][0], text, return_dict=False, **more)[0])

    vae = pipeline.vae
    tensors["vae/latents"] = noise(1, vae.config.latent_channels, 4, 6) / vae.config.scaling_factor
    tensors["vae/image"] = vae.decode(tensors["vae/latents"]).sample
    tensors["vae/picture"] = noise(1, 3, 32, 48).clamp(-1, 1)
    encoded = vae.encode(tensors["vae/picture"])
    # What the distribution clamps is left out of what is kept: it is the pipeline's part.
    tensors["vae/moments"] = encoded.latent_dist.parameters if hasattr(encoded, "latent_dist") else encoded.latents
    return {name: tensor.clone().contiguous() for name, tensor in tensors.items()}


def write_fixtures():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    rows = cases()
    specs = fixture_specs()
    for number, (name, spec) in enumerate(specs.items()):
        write_folder(OUT / name, spec, seed=number)
    for name in specs:
        reference = Reference(OUT / name)
        save_file(networks(reference.pipeline), OUT / f"{name}.safetensors")
        for index, case in enumerate((case for case in rows if case["model"] == name), 1):
            case["file"] = f"{name}-{index}.png"
            picture = reference.draw({**case, "vae": case.get("vae") and OUT / case["vae"]})
            Image.fromarray(picture).save(OUT / case["file"], optimize=True)
            ends = ((picture == 0) | (picture == 255)).mean()
            print(case["file"], picture.shape, f"mean {picture.mean():.1f} std {picture.std():.1f}, at an end {ends:.2f}")
    (OUT / "cases.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fixtures")
    one = commands.add_parser("random")
    one.add_argument("dir", type=Path)
    one.add_argument("--family", choices=FAMILIES, default="sd1")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--scale", choices=("tiny", "full"), default="tiny")
    one.add_argument("--dtype", choices=("f32", "f16", "bf16"))
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    if arguments.command == "fixtures":
        return write_fixtures()
    dtype = {"dtype": arguments.dtype} if arguments.dtype else {}
    full = arguments.scale == "full"
    spec = full_spec(arguments.family, arguments.dtype or "f32") if full else {**random_spec(arguments.family, arguments.seed), **dtype}
    write_folder(arguments.dir, spec, arguments.seed)


if __name__ == "__main__":
    main()
