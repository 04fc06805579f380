"""Würstchen folders with random weights, and the results of diffusers.

wuerstchen.py fixtures                                                        writes tests/golden/wuerstchen
wuerstchen.py emoji                                                           writes tests/golden/emoji with the bundled model
wuerstchen.py random DIR --seed N --scale tiny|small|full --dtype f32|bf16    writes one folder; shapes depend on the seed unless full
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers.utils import logging
from PIL import Image
from safetensors.torch import save_file

from folders import ROOT, Reference, write_folder
from specs import fixture_specs, full_spec, random_spec

OUT = ROOT / "tests/golden/wuerstchen"
EMOJI_PROMPTS = [
    "a fox on a blue background",
    "red apple",
    "лиса на зелёном фоне",
    "rocket, black background",
    "pizza",
    "robot on a pink background",
    "crown on purple",
    "кот на жёлтом фоне",
    "guitar, purple background",
    "octopus",
    "sunflower on a light blue background",
    "панда",
    "a green apple on a white background",
    "осьминог на розовом фоне",
    "strawberry",
    "penguin on a light blue background",
    "hamburger on red",
    "ракета на синем фоне",
    "ghost on a black background",
    "birthday cake",
]
PROMPTS = ["a red fox, on a blue background", "рыжая лиса на снегу 🦊", ""]


def cases():
    keys = ("model", "width", "height", "seed", "steps", "guidance", "decoder_steps", "decoder_guidance", "prompt", "negative")
    rows = [
        ("a", 64, 96, 1, 4, 0.0, 3, 0.0, "a red fox, on a blue background", ""),
        ("a", 128, 192, 2**32 + 7, 3, 3.5, 4, 3.5, "рыжая лиса на снегу 🦊", "blurry, ugly"),
        ("a", 80, 48, 100, None, 4.0, 12, 0.0, "青い背景の赤い狐", ""),
        ("b", 96, 64, 3, 5, 1.0, 3, 1.0, "a fox", "ignored without guidance"),
        ("b", 64, 128, 2**64 - 1, 3, 0.0, 2, 3.5, "青い背景の赤い狐 🦊", "кошка"),
        ("b", 64, 64, 7, 10, 3.5, 1, 0.0, "", "a cat"),
        ("c", 128, 128, 0, 4, 4.0, 3, 0.0, "a red fox, on a blue background", ""),
        ("c", 128, 256, 42, 1, 0.0, 5, 1.5, "рыжая лиса", "размыто"),
    ]
    varied = [
        (("a", 64, 96, 5, None, 4.0, 3, 0.0, "a red fox", ""), [6], 0.6),
        (("c", 128, 128, 7, 6, 3.0, 2, 1.5, "рыжая лиса", "blurry"), [2**63, 8], 0.5),
    ]
    return [dict(zip(keys, row)) for row in rows] + [
        {**dict(zip(keys, row)), "variation": seeds, "strength": strength} for row, seeds, strength in varied
    ]


def record(module, names, prefix, tensors, call):
    """Runs `call` and keeps what the submodules that `names` accepts gave, under "PREFIX/PATH"."""
    hooks = []
    for path, part in module.named_modules():
        if path and names(path):

            def keep(_part, _inputs, output, path=path):
                return tensors.__setitem__(f"{prefix}/{path}", output)

            hooks.append(part.register_forward_hook(keep))
    tensors[f"{prefix}/output"] = call()
    for hook in hooks:
        hook.remove()


@torch.no_grad()
def blocks(reference, first_case):
    """Inputs and outputs of every part and of every block in it."""
    generator = torch.Generator().manual_seed(11)

    def noise(*shape):
        return torch.randn(shape, generator=generator)

    tensors = {}
    for stage, pipeline in (("prior", reference.prior), ("decoder", reference.decoder)):
        tokens = pipeline.tokenizer(
            PROMPTS, padding="max_length", max_length=pipeline.tokenizer.model_max_length, truncation=True, return_tensors="pt"
        )
        tensors[f"{stage}_text/ids"] = tokens.input_ids
        tensors[f"{stage}_text/mask"] = tokens.attention_mask
        hidden = pipeline.text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
        tensors[f"{stage}_text/output"] = hidden
        tensors[f"{stage}/text"] = hidden[[0, 2]]

    prior = reference.prior.prior
    x, r = noise(2, prior.config.c_in, 3, 5), torch.tensor([0.7, 0.7])
    tensors |= {"prior/x": x, "prior/r": r}

    def top(path):
        return path in ("projection", "cond_mapper") or path.startswith("blocks.") and path.count(".") == 1

    record(prior, top, "prior", tensors, lambda: prior(x, r, tensors["prior/text"]))

    decoder = reference.decoder.decoder
    x, r, effnet = (
        noise(2, 4, 12, 8),
        torch.tensor([0.4, 0.4]),
        noise(2, decoder.config.effnet_embd, 4, 3) * reference.prior.config.latent_mean,
    )
    effnet[1] = 0  # as guidance has it
    tensors |= {"decoder/x": x, "decoder/r": r, "decoder/effnet": effnet}

    def top(path):
        return (
            path in ("clip_mapper", "seq_norm", "embedding", "clf")
            or path.split(".")[0] in ("down_blocks", "up_blocks")
            and path.count(".") == 2
        )

    record(decoder, top, "decoder", tensors, lambda: decoder(x, r, effnet, tensors["decoder/text"]))

    stage_a = reference.decoder.vqgan
    latents = noise(1, 4, 4, 6)
    tensors["vqgan/latents"] = latents
    record(
        stage_a,
        lambda path: path.startswith("up_blocks.") and path.count(".") == 1,
        "vqgan",
        tensors,
        lambda: stage_a.decode(latents).sample,
    )

    tensors["case/effnet"] = reference.embeddings(first_case, torch.Generator("cpu").manual_seed(first_case["seed"]))
    return {name: tensor.clone().contiguous() for name, tensor in tensors.items()}


def operations(prior):
    """The antialiased bicubic resize as "resize/HxW/{input,output}", and the time embedding of 0..1 as "time/C_R"."""
    generator = torch.Generator().manual_seed(12)
    tensors = {}
    for size, target in (
        ((24, 24), (64, 64)),
        ((24, 24), (16, 16)),
        ((6, 6), (11, 7)),
        ((6, 5), (1, 3)),
        ((1, 2), (4, 2)),
        ((3, 5), (3, 5)),
    ):
        x = torch.randn(1, 1, *size, generator=generator)
        key = f"resize/{size[0]}x{size[1]}-{target[0]}x{target[1]}"
        tensors[f"{key}/input"] = x
        tensors[f"{key}/output"] = torch.nn.functional.interpolate(x, size=target, mode="bicubic", antialias=True, align_corners=True)
    times = torch.linspace(1.0, 0.0, 13)
    tensors["time/r"] = times
    for c_r in (4, 7, 32, 64):
        prior.c_r = c_r
        tensors[f"time/{c_r}"] = prior.gen_r_embedding(times)
    return tensors


def write_fixtures():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    rows = cases()
    for number, (name, spec) in enumerate(fixture_specs().items()):
        write_folder(OUT / name, spec, seed=number)
        reference = Reference(OUT / name)
        mine = [case for case in rows if case["model"] == name]
        save_file(blocks(reference, mine[0]), OUT / f"{name}.safetensors")
        for index, case in enumerate(mine, 1):
            case["file"] = f"{name}-{index}.png"
            picture = reference.draw(case)
            Image.fromarray(picture).save(OUT / case["file"], optimize=True)
            print(
                case["file"],
                picture.shape,
                f"mean {picture.mean():.1f} std {picture.std():.1f}, at an end {((picture == 0) | (picture == 255)).mean():.2f}",
            )
    save_file(operations(reference.prior.prior), OUT / "operations.safetensors")
    (OUT / "cases.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def write_emoji():
    """Twenty pictures of things and colours that its card lists, in both languages, in the settings of its prompt2pic.json."""
    model, out = ROOT / "models/emoji", ROOT / "tests/golden/emoji"
    card = json.loads((model / "prompt2pic.json").read_text())
    keys = ("width", "height", "steps", "guidance", "decoder_steps", "decoder_guidance")
    rows = []
    for number, prompt in enumerate(EMOJI_PROMPTS):
        rows.append({"file": f"{number:02}.png", "prompt": prompt, "seed": 100 + number, **{key: card[key] for key in keys}})
    shutil.rmtree(out)
    out.mkdir()
    reference = Reference(model)
    for row in rows:
        Image.fromarray(reference.draw({**row, "negative": ""})).save(out / row["file"], optimize=True)
    (out / "expected.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fixtures")
    commands.add_parser("emoji")
    one = commands.add_parser("random")
    one.add_argument("dir", type=Path)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--scale", choices=("tiny", "small", "full"), default="tiny")
    one.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    if arguments.command == "fixtures":
        return write_fixtures()
    if arguments.command == "emoji":
        return write_emoji()
    spec = (
        full_spec(arguments.dtype)
        if arguments.scale == "full"
        else {**random_spec(arguments.seed, arguments.scale), "dtype": arguments.dtype}
    )
    write_folder(arguments.dir, spec, arguments.seed)


if __name__ == "__main__":
    main()
