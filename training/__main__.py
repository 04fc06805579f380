"""From nothing to a model folder; started again, it goes on where it was. See README.md."""

import argparse
import os
import zlib
from pathlib import Path

import torch
from diffusers.utils import logging

from . import data, export, sheet, stages, tokenizer
from .captions import COLOURS, training_captions
from .compressor import Compressor, Latents
from .networks import vqgan as new_vqgan
from .pictures import Pictures, placings

TEXT_MINUTES = 2  # at most, and a tenth of stage C's


def arguments():
    parser = argparse.ArgumentParser(prog="training/train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model's folder; training/ in it keeps what was learnt")
    for stage, minutes in (("a", 30), ("b", 120), ("c", 600)):
        parser.add_argument(f"--minutes-{stage}", type=float, default=minutes, metavar="N", help=f"{minutes} unless given")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="your own, with captions.csv; without it the emoji of things.txt")
    parser.add_argument("--title", help="what the model is called, in prompt2pic.json")
    parser.add_argument("--licence", help="of the weights, for the card")
    parser.add_argument("--things", type=int, metavar="N", help="the first N emoji alone, for a trial")
    parser.add_argument("--steps", type=int, metavar="N", help="so many steps a stage instead of minutes, for a trial")
    return parser.parse_args()


def psnr(vqgan, pictures):
    chosen = torch.arange(min(64, len(pictures)))
    clean = pictures.over(chosen, chosen % len(COLOURS))
    with torch.no_grad():
        return -10 * (vqgan(clean).sample.clamp(0, 1) - clean).square().mean().log10().item()


def refuse_other(path, fingerprint):
    """A state is of no use for other captions than those it began with."""
    if path.exists() and path.read_text() != str(fingerprint):
        raise SystemExit(f"{path.parent}: keeps a training on other captions or pictures; remove it to begin anew")
    path.write_text(str(fingerprint))


def main():
    options = arguments()
    work = options.out / "training"
    work.mkdir(parents=True, exist_ok=True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("P2P_JOBS", os.cpu_count())))

    things = data.own(options.pictures) if options.pictures else data.emoji(options.things)
    pictures = Pictures(things, placings(things))
    groups = [
        [training_captions(thing, number) if clear else [] for number in COLOURS] + [training_captions(thing, None)]
        for thing, clear in zip(things, pictures.coloured.tolist(), strict=True)
    ]
    refuse_other(work / "captions.crc", zlib.crc32(repr((groups, len(pictures))).encode()))
    if not (work / "tokenizer").exists():
        tokenizer.write(work / "tokenizer", [caption for thing in groups for group in thing for caption in group])
    batches = stages.Batches(pictures, tokenizer.Captions(work / "tokenizer", groups))
    compressor = Compressor.of(pictures)
    latents = Latents(compressor, pictures)
    print(f"{len(things)} things, {len(pictures)} pictures, {batches.captions.ids.shape[0]} captions", flush=True)

    count = 4 if options.steps else 24
    shown = torch.arange(0, len(pictures), max(1, len(pictures) // count))[:count]
    colours = torch.arange(len(shown)) % len(COLOURS)
    names = [things[number].en[0] for number in pictures.thing[shown]]
    prompts = [
        f"{name} on a {COLOURS[colour].en} background" if pictures.coloured[thing] else name
        for name, colour, thing in zip(names, colours, pictures.thing[shown], strict=True)
    ]

    def budget(minutes, show=None):
        return {"seconds": 60 * minutes, "steps": options.steps, "shown": show}

    def show_vqgan(average):
        with torch.no_grad():
            drawn = average["vqgan"](pictures.over(shown, colours)).sample
        sheet.write(work / "a.png", sheet.from_tensor(drawn))

    first, done_a = stages.train_vqgan(work / "vqgan.pt", batches, **budget(options.minutes_a, show_vqgan))
    targets, deviation = stages.encoded(first["vqgan"], pictures)
    vqgan = new_vqgan(scale_factor=deviation).eval()
    vqgan.load_state_dict(first["vqgan"].state_dict())
    targets /= deviation

    def show_decoder(average):
        exact = latents.over(shown, colours)
        sheet.write(work / "b.png", sheet.pictures(dict(average.items()), vqgan, work / "tokenizer", exact, prompts))

    decoder, done_b = stages.train_decoder(work / "decoder.pt", batches, targets, latents, **budget(options.minutes_b, show_decoder))

    text, done_text = stages.train_text(work / "text.pt", batches, **budget(min(TEXT_MINUTES, options.minutes_c / 10)))

    def show_prior(average):
        drawn = sheet.embeddings(dict(average.items()), work / "tokenizer", prompts)
        sheet.write(work / "c.png", sheet.pictures(dict(decoder.items()), vqgan, work / "tokenizer", drawn, prompts))

    prior, done_c = stages.train_prior(
        work / "prior.pt", batches, latents, text["text_encoder"], **budget(options.minutes_c, show_prior)
    )

    emoji = options.pictures is None
    run = {
        "name": options.out.resolve().name,
        "title": options.title or ("Emoji, small" if emoji else options.out.resolve().name),
        "title_ru": options.title or ("Эмодзи, маленькая" if emoji else options.out.resolve().name),
        "licence": options.licence or ("MIT" if emoji else "not stated"),
        "languages": ["en"] + (["ru"] if any(thing.ru for thing in things) else []),
        "emoji": emoji,
        "things": [
            {"en": thing.en[0], "ru": thing.ru[0] if thing.ru else "", "coloured": clear}
            for thing, clear in zip(things, pictures.coloured.tolist(), strict=True)
        ],
        "pictures": len(pictures),
        "variance": compressor.variance,
        "psnr": psnr(vqgan, pictures),
        "done": {"vqgan": done_a, "decoder": done_b, "text": done_text, "prior": done_c},
    }
    parts = {"prior": dict(prior.items()), "decoder": {**dict(decoder.items()), "vqgan": vqgan}}
    export.write(options.out, work, parts, run)
    print(f'{options.out}: draws with prompt2pic generate "{prompts[0]}" --model {options.out}')


main()
