"""Single files in the layout of CompVis' and Stability's own code, made from diffusers' networks, and the results of diffusers.

single_file.py             writes tests/golden/single_file
single_file.py write FOLDER FILE --family sd1|sd2|sdxl    a folder's weights as a single file

distilled models, in the layout that they are found in: ssd1b is numbered like the original code's, tiny-sd as diffusers' script
convert_diffusers_to_original_stable_diffusion.py numbers it, which from_single_file cannot read: its folder is the reference.

Per family: FAMILY.safetensors; FAMILY.png, which from_single_file draws; FAMILY.json, the tensors that its conversion gives (name: shape
and a checksum); FAMILY-names.txt, the names and shapes that a published checkpoint has.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import logging
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from folders import ROOT
from sd_folders import write_folder
from sd_specs import DDIM_V, EULER_LEADING, PNDM, full_spec, text, unet, vae

OUT = ROOT / "tests/golden/single_file"
FAMILIES = ("sd1", "sd2", "sdxl")
DISTILLED = {"ssd1b": "sdxl", "vega": "sdxl", "tiny": "sd1", "small": "sd1"}  # and the family of each
SCRIPTED = ("tiny", "small")  # converted by diffusers' script
PROMPT, NEGATIVE = "a red fox, on a blue background", "blurry, ugly"
JUNK = {  # what published files hold besides
    "model_ema.decay": torch.tensor(0.99),
    "alphas_cumprod": torch.ones(10),
    "sqrt_recip_alphas_cumprod": torch.ones(10),
    "global_step": torch.tensor(470000),
    "cond_stage_model.model.logit_scale": torch.tensor(4.6),
}


def specs():
    """Tiny ones with the groups and heads that no file tells of."""
    tokenizers = [(30, None), (30, "!")]  # those of tests/golden/stable_diffusion/sdxl
    autoencoder = vae([32, 32], layers_per_block=1, sample_size=64)
    return {
        "sd1": {
            "pipeline": "StableDiffusionPipeline",
            "dtype": "f16",
            "texts": [text(64, 1, 2, 40, "quick_gelu")],
            "tokenizers": tokenizers[:1],
            "unet": unet([32, 32], [True, False], 64, layers_per_block=1, attention_head_dim=8),
            "vae": autoencoder,
            "scheduler": PNDM,
        },
        "sd2": {
            "pipeline": "StableDiffusionPipeline",
            "dtype": "bf16",
            "texts": [text(64, 1, 2, 40, "gelu")],
            "tokenizers": tokenizers[1:],
            "unet": unet([32, 32], [False, True], 64, layers_per_block=1, attention_head_dim=[1, 1], use_linear_projection=True),
            "vae": autoencoder,
            "scheduler": DDIM_V,
        },
        "sdxl": {
            "pipeline": "StableDiffusionXLPipeline",
            "dtype": "f16",
            "texts": [text(64, 1, 2, 40, "quick_gelu"), text(128, 2, 2, 30, "gelu", projection_dim=20)],
            "tokenizers": tokenizers,
            "unet": unet(
                [32, 32],
                [False, True],
                192,
                layers_per_block=1,
                attention_head_dim=[1, 1],
                transformer_layers_per_block=[1, 2],
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=256,
                projection_class_embeddings_input_dim=6 * 256 + 20,
            ),
            "vae": {**autoencoder, "scaling_factor": 0.13025},
            "scheduler": EULER_LEADING,
        },
    }


def distilled_specs():
    """Tiny ones of the published topologies."""
    xl, first = specs()["sdxl"], specs()["sd1"]
    reduced = {"mid_block_type": "UNetMidBlock2D", "layers_per_block": 2, "block_out_channels": [32, 32]}
    depths = {"transformer_layers_per_block": [0, [2, 2]], "reverse_transformer_layers_per_block": [[2, 1, 3], 0]}
    three = unet([32, 32, 32], [True, True, True], 64, layers_per_block=1, attention_head_dim=8, mid_block_type=None)
    return {"ssd1b": {**xl, "unet": xl["unet"] | reduced | depths}, "tiny": {**first, "unet": three}}


def distilled_unet(name):
    """The published ones."""
    first, xl = full_spec("sd1", "f16")["unet"], full_spec("sdxl", "f16")["unet"]
    levels = {"ssd1b": ([2, 2], [4, 4], [4, 4, 10], [2, 1, 1]), "vega": ([1, 1], [2, 2], [2, 2, 2], [1, 1, 1])}
    if name in levels:
        second, third, up_third, up_second = levels[name]
        depths = {"transformer_layers_per_block": [0, second, third], "reverse_transformer_layers_per_block": [up_third, up_second, 0]}
        return xl | {"mid_block_type": "UNetMidBlock2D"} | depths
    reduced = {"layers_per_block": 1, "mid_block_type": None}
    return first | reduced if name == "small" else first | unet([320, 640, 1280], [True] * 3, 768) | reduced | {"sample_size": 64}


def substitute(name, pairs):
    for new, old in pairs:
        name = name.replace(new, old)
    return name


def scripted_unet_name(name, names):
    if name.startswith("up_blocks.0.attentions."):
        return name  # which Stable Diffusion 1 does not have
    if match := re.match(r"up_blocks\.(\d)\.upsamplers\.0\.(.*)", name):
        return f"output_blocks.{3 * int(match[1]) + 2}.{1 if match[1] == '0' else 2}.{match[2]}"
    return unet_name(name, names, places=3)


def unet_name(name, names, places=None):
    places = places or 1 + len({n.split(".")[3] for n in names if n.startswith("down_blocks.0.resnets.")})
    if match := re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name):
        way, kind, rest = match[1], match[3], match[5]
        block, place = int(match[2]), int(match[4])
        start = block * places + (way == "down")
        side = "input_blocks" if way == "down" else "output_blocks"
        if kind == "downsamplers":
            return f"{side}.{start + places - 1}.0.op.{rest.removeprefix('conv.')}"
        if kind == "upsamplers":
            attention = any(n.startswith(f"up_blocks.{block}.attentions.") for n in names)
            return f"{side}.{start + places - 1}.{2 if attention else 1}.{rest}"
        name = f"{side}.{start + place}.{'01'[kind == 'attentions']}.{rest}"
        if kind == "attentions":
            return name
    name = substitute(name, [("mid_block.resnets.0", "middle_block.0"), ("mid_block.attentions.0", "middle_block.1")])
    name = substitute(name, [("mid_block.resnets.1", "middle_block.2"), ("conv_norm_out", "out.0"), ("conv_out", "out.2")])
    name = substitute(name, [("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2")])
    name = substitute(name, [("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2")])
    name = re.sub(r"^conv_in", "input_blocks.0.0", name)
    if "middle_block.1." in name:
        return name
    resnet = [("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("norm2", "out_layers.0"), ("conv2", "out_layers.3")]
    return substitute(name, [*resnet, ("time_emb_proj", "emb_layers.1"), ("conv_shortcut", "skip_connection")])


def vae_name(name, names):
    levels = len({n.split(".")[2] for n in names if n.startswith("decoder.up_blocks.")})
    name = re.sub(r"up_blocks\.(\d+)\.", lambda m: f"up.{levels - 1 - int(m[1])}.", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    pairs = [("down_blocks", "down"), ("resnets", "block"), ("downsamplers.0", "downsample"), ("upsamplers.0", "upsample")]
    pairs += [("conv_shortcut", "nin_shortcut"), ("conv_norm_out", "norm_out"), ("mid_block.attentions.0", "mid.attn_1")]
    pairs += [("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")]
    return substitute(name, pairs)


def open_clip(tensors, prefix):
    result = {}
    for name, tensor in tensors.items():
        name = name.removeprefix("text_model.")
        if match := re.match(r"encoder\.layers\.(\d+)\.self_attn\.q_proj\.(\w+)", name):
            parts = [tensors[f"text_model.{name}".replace("q_proj", f"{part}_proj")] for part in "qkv"]
            result[f"{prefix}transformer.resblocks.{match[1]}.attn.in_proj_{match[2]}"] = torch.cat(parts)
        if re.search(r"self_attn\.[qkv]_proj", name):
            continue
        pairs = [("encoder.layers.", "transformer.resblocks."), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("self_attn", "attn")]
        pairs += [("fc1", "c_fc"), ("fc2", "c_proj"), ("final_layer_norm", "ln_final"), ("embeddings.token_embedding", "token_embedding")]
        pairs += [("embeddings.position_embedding.weight", "positional_embedding")]
        if name == "text_projection.weight":
            name, tensor = "text_projection", tensor.T.contiguous()
        result[prefix + substitute(name, pairs)] = tensor
    return result


def original(family, parts, rename=unet_name):
    """`parts`: tensors of each component by diffusers' names."""
    result = {}
    result |= {f"model.diffusion_model.{rename(name, parts['unet'])}": tensor for name, tensor in parts["unet"].items()}
    for name, tensor in parts["vae"].items():
        matrix = tensor.dim() == 2 and ".attentions." in name  # convolutions of one pixel there
        result[f"first_stage_model.{vae_name(name, parts['vae'])}"] = tensor[:, :, None, None] if matrix else tensor
    clip = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in parts["text_encoder"].items()}
    if family == "sd2":
        return result | open_clip(clip, "cond_stage_model.model.")
    if family == "sd1":
        return result | {f"cond_stage_model.transformer.{name}": tensor for name, tensor in clip.items()}
    result |= {f"conditioner.embedders.0.transformer.{name}": tensor for name, tensor in clip.items()}
    return result | open_clip(parts["text_encoder_2"], "conditioner.embedders.1.model.")


def last_layer(tensors, prefix):
    """The layer that Stable Diffusion 2's files have and nothing uses, and the projection."""
    first = {name: tensor for name, tensor in tensors.items() if f"{prefix}transformer.resblocks.0." in name}
    return {name.replace(".0.", ".23."): tensor for name, tensor in first.items()} | {f"{prefix}text_projection": torch.ones(64, 64)}


def folder_parts(folder):
    return {path.parent.name: load_file(path) for path in sorted(Path(folder).glob("*/*.safetensors"))}


def checksum(tensor):
    data = tensor.contiguous().view(torch.uint8).flatten().numpy().astype(np.uint64)
    return int((data * (np.arange(data.size, dtype=np.uint64) % 65521 + 1)).sum())


def converted(pipeline, dtype):
    """What diffusers made of a file, in the type that the file has."""
    result = {}
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        module = getattr(pipeline, part, None)
        if module is None:
            continue
        tensors = {n: t.to(dtype) for n, t in module.state_dict().items() if not n.endswith("position_ids")}
        if part.startswith("text"):
            tensors = {n if n.startswith("text_") else f"text_model.{n}": t for n, t in tensors.items()}
        result[part] = {name: [list(tensor.shape), checksum(tensor)] for name, tensor in sorted(tensors.items())}
    return result


def write_fixture(name, spec, seed):
    family = DISTILLED.get(name, name)
    scripted = name in SCRIPTED
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp) / "folder"
        write_folder(folder, spec, seed)
        tensors = original(family, folder_parts(folder), scripted_unet_name if scripted else unet_name) | JUNK
        if family == "sd2":
            tensors |= last_layer(tensors, "cond_stage_model.model.")
        file = OUT / f"{name}.safetensors"
        save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, file, metadata={"format": "pt"})
        more = {"add_watermarker": False} if family == "sdxl" else {}
        kind = getattr(diffusers, spec["pipeline"])
        if scripted:
            pipeline = kind.from_pretrained(folder, torch_dtype=torch.float32)
        else:
            pipeline = kind.from_single_file(file, config=str(folder), torch_dtype=torch.float32, local_files_only=True, **more)
    pipeline.set_progress_bar_config(disable=True)
    dtype = {"f16": torch.float16, "bf16": torch.bfloat16}[spec["dtype"]]
    (OUT / f"{name}.json").write_text(json.dumps(converted(pipeline, dtype)).replace('], "', '],\n"') + "\n")
    picture = pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        width=48,
        height=64,
        num_inference_steps=3,
        guidance_scale=5.0,
        generator=torch.Generator("cpu").manual_seed(seed),
    ).images[0]
    picture.save(OUT / f"{name}.png", optimize=True)
    pixels = np.asarray(picture)
    print(name, pixels.shape, f"mean {pixels.mean():.1f} std {pixels.std():.1f}", file.stat().st_size, "bytes")


def write_names(name):
    """From the published configurations, on torch's meta device."""
    family = DISTILLED.get(name, name)
    spec = full_spec(family, "f16")
    if name in DISTILLED:
        spec["unet"] = distilled_unet(name)
    with torch.device("meta"):
        parts = {"unet": UNet2DConditionModel(**spec["unet"]), "vae": AutoencoderKL(**spec["vae"])}
        parts["text_encoder"] = CLIPTextModel(CLIPTextConfig(**spec["texts"][0]))
        if family == "sdxl":
            parts["text_encoder_2"] = CLIPTextModelWithProjection(CLIPTextConfig(**spec["texts"][1]))
    tensors = original(family, {part: module.state_dict() for part, module in parts.items()}, scripted_unet_name if name in SCRIPTED else unet_name)
    (OUT / f"{name}-names.txt").write_text("".join(f"{tensor} {list(t.shape)}\n" for tensor, t in sorted(tensors.items())))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    write = commands.add_parser("write")
    write.add_argument("folder", type=Path)
    write.add_argument("file", type=Path)
    write.add_argument("--family", choices=FAMILIES, required=True)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    if arguments.command == "write":
        tensors = original(arguments.family, folder_parts(arguments.folder))
        return save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, arguments.file, metadata={"format": "pt"})
    OUT.mkdir(parents=True, exist_ok=True)
    for seed, (name, spec) in enumerate((specs() | distilled_specs()).items()):
        write_fixture(name, spec, seed)
    for name in (*FAMILIES, *DISTILLED):
        write_names(name)


if __name__ == "__main__":
    main()
