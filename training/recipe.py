"""The training of a model: its data, its three stages in any order, and the folder that is written when all three are trained."""

import shutil
import zlib

import torch

from . import data, export, sheet, stages, tokenizer
from .captions import COLOURS, training_captions
from .compressor import FILE as COMPRESSOR
from .compressor import Compressor, Latents
from .files import locked, whole
from .judge import Judge
from .networks import vqgan as new_vqgan
from .pictures import Pictures, placings

BEFORE = "before.md"  # the card of the model that training started from
TEXT_MINUTES = 5  # at most, and at most a tenth of stage C's time
RATE, RATE_ON = 1.5e-3, 7e-4  # of the prior, from nothing and from a trained one
CAPTIONS = 250  # of a thing over a colour


def refuse_other(path, fingerprint):
    """A state can only be used with the captions it was started with."""
    if path.exists() and path.read_text() != str(fingerprint):
        raise SystemExit(f"{path.parent}: keeps a training on other captions or pictures; remove it to begin anew")
    with whole(path) as made:
        made.write_text(str(fingerprint))


class Recipe:
    """Each stage's method trains up to a total of minutes and returns the result of train(); for None it only loads the state."""

    def __init__(self, options):
        self.options, self.work = options, options.out / "training"
        self.work.mkdir(parents=True, exist_ok=True)
        with locked(self.work):  # stages may be trained by processes that start at the same time
            self._prepare(options)

    def _prepare(self, options):
        self.scaled = None  # stage A's network and what was done, once all pictures were encoded for its scale, which takes a minute
        self.things = data.own(options.pictures) if options.pictures else data.emoji(options.things)
        self.pictures = Pictures(self.things, placings(self.things))
        groups = [
            [training_captions(thing, colour, CAPTIONS) if clear else [] for colour in COLOURS] + [training_captions(thing, None, 2 * CAPTIONS)]
            for thing, clear in zip(self.things, self.pictures.coloured.tolist(), strict=True)
        ]
        refuse_other(self.work / "captions.crc", zlib.crc32(repr((groups, len(self.pictures))).encode()))
        if not (self.work / "tokenizer").exists():
            with whole(self.work / "tokenizer") as made:
                if options.start and not options.new_words:
                    shutil.copytree(options.start / "prior/tokenizer", made)
                else:
                    tokenizer.write(made, [caption for thing in groups for group in thing for caption in group])
        self.batches = stages.Batches(self.pictures, tokenizer.Captions(self.work / "tokenizer", groups))
        self.compressor = self._compressor()
        self.latents = Latents(self.compressor, self.pictures)
        print(f"{len(self.things)} things, {len(self.pictures)} pictures, {self.batches.captions.ids.shape[0]} captions", flush=True)

        count = 4 if options.steps else 24
        self.shown = torch.arange(0, len(self.pictures), max(1, len(self.pictures) // count))[:count]
        self.colours = torch.arange(len(self.shown)) % len(COLOURS)
        names = [self.things[number].en[0] for number in self.pictures.thing[self.shown]]
        self.prompts = [
            f"{name} on a {COLOURS[colour].en} background" if self.pictures.coloured[thing] else name
            for name, colour, thing in zip(names, self.colours, self.pictures.thing[self.shown], strict=True)
        ]

        if options.start:
            shutil.copy(options.start / "README.md", self.work / BEFORE)
            if not options.new_words:
                stages.begin_from(options.start, self.work, self.batches.captions.vocabulary, len(self.things))

    def _compressor(self):
        kept = self.work / COMPRESSOR
        if not kept.exists():
            with whole(kept) as made:
                if self.options.start:
                    shutil.copy(self.options.start / "prior" / COMPRESSOR, made)
                else:
                    Compressor.of(self.pictures).save(made)
        return Compressor.load(kept)

    def path(self, stage):
        return self.work / f"{stage}.pt"

    def complete(self):
        return all(self.path(stage).exists() for stage in ("vqgan", "decoder", "text", "prior"))

    def _budget(self, minutes, show=None):
        return {"seconds": 60 * minutes, "steps": self.options.steps if minutes else None, "shown": show}

    def vqgan(self, minutes):
        def show(average):
            with torch.no_grad():
                drawn = average["vqgan"](self.pictures.over(self.shown, self.colours)).sample
            sheet.write(self.work / "a.png", sheet.from_tensor(drawn))

        modules, done = stages.train_vqgan(self.path("vqgan"), self.batches, **self._budget(minutes, show))
        targets, deviation = stages.encoded(modules["vqgan"], self.pictures)
        scaled = new_vqgan(scale_factor=deviation).eval()
        scaled.load_state_dict(modules["vqgan"].state_dict())
        self.scaled = scaled, done
        return scaled, done, targets.div_(deviation)

    def decoder(self, minutes, vqgan, targets):
        def show(average):
            exact = self.latents.over(self.shown, self.colours)
            sheet.write(self.work / "b.png", sheet.pictures(dict(average.items()), vqgan, self.work / "tokenizer", exact, self.prompts))

        return stages.train_decoder(self.path("decoder"), self.batches, targets, self.latents, **self._budget(minutes, show))

    def text(self, minutes):
        """Not of a model that is trained further with the same words: what they mean there is what its prior knows."""
        if not (self.work / BEFORE).exists():
            return stages.train_text(self.path("text"), self.batches, **self._budget(min(TEXT_MINUTES, minutes / 10)))
        start = self.options.start
        if not self.options.new_words:
            return stages.train_text(self.path("text"), self.batches)
        lessons = stages.lessons(start, self.things)
        text = stages.train_text(self.path("text"), self.batches, lessons, **self._budget(minutes / 5))
        stages.begin_reworded(start, self.work, text[0]["text_encoder"], text[0]["decoder_text_encoder"])
        return text

    def prior(self, minutes, text):
        judge = Judge(self.pictures, self.latents) if minutes else None

        def show(average):
            drawn = sheet.embeddings(dict(average.items()), self.work / "tokenizer", self.prompts)
            sheet.write(self.work / "c.png", sheet.from_tensor(self.compressor.restored(drawn)))
            right = (judge.things(drawn) == self.pictures.thing[self.shown]).sum().item()
            print(f"prior: {right} of {len(self.shown)} are nearest to the thing that was asked for", flush=True)

        return stages.train_prior(
            self.path("prior"), self.batches, self.latents, text["text_encoder"], RATE_ON if self.options.start else RATE, **self._budget(minutes, show)
        )

    def psnr(self, vqgan):
        chosen = torch.arange(min(64, len(self.pictures)))
        clean = self.pictures.over(chosen, chosen % len(COLOURS))
        with torch.no_grad():
            return -10 * (vqgan(clean).sample.clamp(0, 1) - clean).square().mean().log10().item()

    def export(self):
        options, name = self.options, self.options.out.resolve().name
        vqgan, done_a = self.scaled or self.vqgan(0)[:2]
        decoder, done_b = self.decoder(0, vqgan, None)
        text, done_text = self.text(0)
        prior, done_c = self.prior(0, text)
        emoji = options.pictures is None
        run = {
            "name": name,
            "title": options.title or ("Emoji, small" if emoji else name),
            "title_ru": options.title or ("Эмодзи, маленькая" if emoji else name),
            "licence": options.licence or ("MIT" if emoji else "not stated"),
            "languages": ["en"] + (["ru"] if any(thing.ru for thing in self.things) else []),
            "emoji": emoji,
            "things": [
                {"en": thing.en[0], "ru": thing.ru[0] if thing.ru else "", "coloured": clear}
                for thing, clear in zip(self.things, self.pictures.coloured.tolist(), strict=True)
            ],
            "pictures": len(self.pictures),
            "variance": self.compressor.variance,
            "psnr": self.psnr(vqgan),
            "before": (self.work / BEFORE).read_text() if (self.work / BEFORE).exists() else "",
            "done": {"vqgan": done_a, "decoder": done_b, "text": done_text, "prior": done_c},
        }
        parts = {"prior": dict(prior.items()), "decoder": {**dict(decoder.items()), "vqgan": vqgan}}
        with locked(self.work):
            export.write(options.out, self.work, parts, run)
