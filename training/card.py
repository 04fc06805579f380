"""Writes the card of a model from the data of its training run."""

from importlib.metadata import version

from .captions import COLOURS
from .compressor import CHANNELS, GRID, PATCH
from .data import EMOJI
from .sheet import DRAWING

STAGES = {
    "vqgan": "Stage A, `vqgan`",
    "decoder": "Stage B, `decoder` with its text encoder",
    "text": "The prior's text encoder alone, telling things and colours",
    "prior": "Stage C, `prior`",
}


TABLE = ["| stage | minutes | steps | loss at the end |", "|---|---|---|---|"]


def millions(network):
    return f"{sum(parameter.numel() for parameter in network.parameters()) / 1e6:.1f} M"


def text(run, parts):
    """`run`: title, title_ru, name, licence, languages, emoji, things, pictures, variance, psnr, before (a card or "") and done {stage: {steps, seconds, loss}}."""
    source = (
        f"Microsoft's Fluent emoji in 3D (MIT; npm `{EMOJI}`), composed on plain colours"
        if run["emoji"]
        else "the pictures and captions of a folder"
    )
    lines = [
        f"# {run['name']}: a small Würstchen trained by Prompt2Pic's recipe",
        "",
        f"Draws what it was shown at 128x128, in the published layout (`prior/`, `decoder/`), bf16 safetensors: {run['title']}.",
        "",
    ]
    if any(thing["coloured"] for thing in run["things"]):
        colours = "; ".join(f"{colour.en}, {colour.ru}" for colour in COLOURS)
        lines += [
            "**Prompts it learnt**: a thing from the table, plain or on a colour: `a fox on a blue background`, `blue background, a fox`,"
            " `лиса на синем фоне`, and more such wordings.",
            f"Colours: {colours}. Anything else gives what is nearest, or nothing recognisable.",
            "",
        ]
    lines += [
        f"**Settings that suit it**: 128x128, prior {DRAWING['steps']} steps with guidance {DRAWING['guidance']}, decoder"
        f" {DRAWING['decoder_steps']} steps without guidance (`prompt2pic.json` has them).",
        "",
        "**Parts**: " + ", ".join(f"`{stage}/{name}` {millions(part)}" for stage, group in parts.items() for name, part in group.items()) + ".",
        f"The prior's latents are the {CHANNELS} first principal components of {PATCH}x{PATCH} patches of the picture at {GRID * PATCH}x{GRID * PATCH}"
        f" ({100 * run['variance']:.1f} % of the variance), each scaled to unit variance. Stage A gives its pictures back with {run['psnr']:.1f} dB.",
        "",
        f"**Training**: on {source}; {len(run['things'])} things, {run['pictures']} pictures with their placings. torch {version('torch')},"
        f" diffusers {version('diffusers')}, transformers {version('transformers')}.",
        "",
        *TABLE,
    ]
    lines += [
        f"| {STAGES[stage]} | {done['seconds'] / 60:.1f} | {done['steps']} | {done['loss']:.4f} |"
        for stage, done in run["done"].items()
        if done["steps"]
    ]
    before = [line for line in run["before"].splitlines() if line.startswith(tuple(f"| {name} |" for name in STAGES.values()))]
    if before:
        lines += ["", "Trained further from a model whose own training was:", "", *TABLE, *before]
    notices = " Copyright of the pictures: Microsoft Corporation, MIT. The notices are in `LICENSE`." if run["emoji"] else ""
    lines += ["", f"**Licence of the weights**: {run['licence']}.{notices}"]
    lines += ["", "| English | Russian |", "|---|---|"]
    lines += [f"| {thing['en']} | {thing['ru']} |" for thing in run["things"]]
    return "\n".join(lines) + "\n"
