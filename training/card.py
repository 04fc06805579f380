"""Writes the card of a model from the data of its training run."""

from importlib.metadata import version

from .backgrounds import COLOURS, SCENES
from .compressor import CHANNELS, GRID, PATCH
from .data import CONTRAST, FLUENT, NOTO
from .drawing import SETTINGS
from .pictures import SIDE

STAGES = {
    "vqgan": "Stage A, `vqgan`",
    "decoder": "Stage B, `decoder`",
    "text": "Stage T, the text encoders",
    "prior": "Stage C, `prior`",
}
SOURCES = f"""
Pictures: Microsoft's Fluent emoji in 3D (MIT; npm `{FLUENT}`) and in high contrast, the style "outline" (MIT; npm `{CONTRAST}`), and
Google's Noto emoji, the style "flat" (Apache-2.0; npm `{NOTO}`); scenes drawn by the recipe. OpenMoji (CC BY-SA) is not used, so that no
licence of a picture asks anything of the licence of the weights."""

TABLE = ["| stage | minutes | steps | loss at the end |", "|---|---|---|---|"]


def millions(network):
    return f"{sum(parameter.numel() for parameter in network.parameters()) / 1e6:.1f} M"


def text(run, parts):
    """`run`: title, name, licence, emoji, things, clear, pictures, variance, psnr, before (a card or "") and done {stage: {steps, seconds, loss}}."""
    lines = [
        f"# {run['name']}: a small Würstchen trained by Prompt2Pic's recipe",
        "",
        f"Draws what it was shown at {SIDE}x{SIDE}, in the published layout (`prior/`, `decoder/`), bf16 safetensors: {run['title']}.",
        "",
    ]
    if any(run["clear"]):
        colours = "; ".join(f"{colour.en}, {colour.ru}" for colour in COLOURS)
        scenes = "; ".join(f"{scene.ways_en[0]}, {scene.ways_ru[0]}" for scene in SCENES)
        lines += [
            "**Prompts it learnt**: one or two things of the table, as people ask for them: `draw a fox on a blue background`, `нарисуй лису в снегу`,"
            " `кот и собака`; `big`, `small`, `on the left`, `on the right`"
            + ("; `flat style`, `outline`." if run["emoji"] else "."),
            f"Colours: {colours}. Scenes: {scenes}. Other words give what is nearest.",
            "",
        ]
    lines += [
        f"**Settings that suit it**: {SIDE}x{SIDE}, prior {SETTINGS['steps']} steps with guidance {SETTINGS['guidance']}, decoder"
        f" {SETTINGS['decoder_steps']} steps without guidance (`prompt2pic.json` has them).",
        "",
        "**Parts**: " + ", ".join(f"`{stage}/{name}` {millions(part)}" for stage, group in parts.items() for name, part in group.items()) + ".",
        f"The prior's latents are the {CHANNELS} first principal components of {PATCH}x{PATCH} patches of the picture at {GRID * PATCH}x{GRID * PATCH}"
        f" ({100 * run['variance']:.1f} % of the variance), each scaled to unit variance. Stage A gives its pictures back with {run['psnr']:.1f} dB.",
        "The last tokens of a prompt carry codes of its things and layout, see `training/codes.py`; `codes.safetensors` and"
        " `compressor.safetensors` are for further training.",
        "",
        f"**Training**: {len(run['things'])} things, {run['pictures']} pictures. torch {version('torch')}, diffusers {version('diffusers')},"
        f" transformers {version('transformers')}.{SOURCES if run['emoji'] else ''}",
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
    notices = " The notices of the pictures are in `LICENSE`." if run["emoji"] else ""
    lines += ["", f"**Licence of the weights**: {run['licence']}.{notices}"]
    lines += ["", "| English | Russian |", "|---|---|"]
    lines += [f"| {thing.en[0]} | {thing.ru[0] if thing.ru else ''} |" for thing in run["things"]]
    return "\n".join(lines) + "\n"
