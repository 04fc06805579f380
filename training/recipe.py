"""The training of a model: its data, its four stages in any order, and the folder that is written when all of them are trained."""

import random
import shutil

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTokenizer

from . import codes, data, drawing, export, loop, networks, sheet, stages, tokenizer
from .captions import captions
from .compressor import FILE as COMPRESSOR
from .compressor import Compressor
from .files import locked, whole
from .pictures import SIDE, Pictures
from .scenes import Sampler

BEFORE = "before.md"  # the card of the model that training started from
SHOWN = 24  # pictures of a preview sheet
FITTED = 1500  # pictures to which the compressor is fitted
STAGES = {
    "vqgan": {"vqgan": ("decoder/vqgan", networks.vqgan)},
    "decoder": {"decoder": ("decoder/decoder", networks.decoder)},
    "text": {"text_encoder": ("prior/text_encoder", networks.prior_text_encoder), "decoder_text_encoder": ("decoder/text_encoder", networks.decoder_text_encoder)},
    "prior": {"prior": ("prior/prior", networks.prior)},
}  # fmt: skip


def load(network, folder):
    """Loads the weights of a model's folder, as f32."""
    (file,) = folder.glob("*.safetensors")
    try:
        network.load_state_dict({name: weight.float() for name, weight in load_file(file).items()})
    except RuntimeError:
        raise SystemExit(f"{file}: made with networks of another shape than networks.py has now") from None
    return network


class Recipe:
    """Each stage's method trains up to a total of minutes and returns the result of train(); for 0 it only loads the state."""

    def __init__(self, options):
        self.options, self.work = options, options.out / "training"
        self.device = torch.device(options.device)
        if options.start and not (options.start / "prior" / codes.FILE).exists():
            raise SystemExit(f"{options.start}: was not trained with this recipe: it has no prior/{codes.FILE}")
        self.work.mkdir(parents=True, exist_ok=True)
        with locked(self.work):  # stages may be trained by processes that start at the same time
            self._prepare(options)

    def _prepare(self, options):
        self.things = data.own(options.pictures) if options.pictures else data.emoji(options.things)
        self.pictures = Pictures(self.things, self.device)
        self.sampler = Sampler(self.pictures)
        self.examples = stages.Examples(self.pictures, self.sampler, self.device, 32 if options.steps else 3072)
        self._kept("tokenizer", "prior/tokenizer", self._make_tokenizer)
        self.tokenizer = CLIPTokenizer.from_pretrained(self.work / "tokenizer")
        self._kept(COMPRESSOR, f"prior/{COMPRESSOR}", self._make_compressor)
        self.compressor = Compressor.load(self.work / COMPRESSOR, self.device)
        self._kept(codes.FILE, f"prior/{codes.FILE}", self._make_codes)
        basis = load_file(self.work / codes.FILE, device=str(self.device))
        self.codes = [
            codes.Codes(self.pictures, basis["components"], basis["mean"], width, slots, tokenizer.LENGTH)
            for width, slots in ((networks.PRIOR_TEXT, codes.PRIOR), (networks.DECODER_TEXT, codes.DECODER))
        ]
        print(f"{len(self.things)} things, {len(self.pictures)} pictures, {len(self.tokenizer)} tokens, on {self.device}", flush=True)
        generator = torch.get_rng_state()
        torch.manual_seed(1)
        asked = self.sampler.ask(4 if options.steps else SHOWN)
        self.shown, self.layout = asked.to(self.device), self.sampler.lay_out(asked, jitter=False).to(self.device)
        torch.set_rng_state(generator)
        if options.start:
            self._begin_from(options.start)

    def _kept(self, name, before, make):
        """A file or folder of the state: made once, or copied from the model that is trained further."""
        target = self.work / name
        if target.exists():
            return
        with whole(target) as made:
            if not self.options.start:
                make(made)
            elif (self.options.start / before).is_dir():
                shutil.copytree(self.options.start / before, made)
            else:
                shutil.copy(self.options.start / before, made)

    def _make_tokenizer(self, path):
        tokenizer.write(path, captions(self.things, self.sampler.ask(20000 if self.options.steps else 150000), random.Random(0)))

    def _make_compressor(self, path):
        drawn = torch.cat([self.examples.draw(50, SIDE // 2)[1] for _ in range((100 if self.options.steps else FITTED) // 50)])
        Compressor.of(drawn).save(path)

    def _make_codes(self, path):
        components, mean = codes.Codes.components(self.pictures, 2 * (networks.PRIOR_TEXT - codes.TAG))
        save_file({"components": components.cpu().contiguous(), "mean": mean.cpu()}, path)

    def _networks(self, stage):
        return {name: (folder, make(len(self.tokenizer)) if stage == "text" else make()) for name, (folder, make) in STAGES[stage].items()}

    def _begin_from(self, model):
        for stage in STAGES:
            if not self.path(stage).exists():
                loop.begin(self.path(stage), nn.ModuleDict({name: load(made, model / folder) for name, (folder, made) in self._networks(stage).items()}))
        shutil.copy(model / "README.md", self.work / BEFORE)

    def path(self, stage):
        return self.work / f"{stage}.pt"

    def missing(self):
        return [stage for stage in STAGES if not self.path(stage).exists()]

    def _budget(self, minutes, show=None):
        return {"seconds": 60 * minutes, "steps": self.options.steps if minutes else None, "shown": show}

    def vqgan(self, minutes):
        def show(average):
            with torch.no_grad():
                drawn = average["vqgan"](self.pictures.composed(self.layout)).sample
            sheet.write(self.work / "a.png", sheet.from_tensor(drawn))

        return stages.train_vqgan(self.path("vqgan"), self.examples, **self._budget(minutes, show))

    def scaled_vqgan(self):
        """Stage A's network with the deviation of its latents, and what was done."""
        modules, done = self.vqgan(0)
        with torch.no_grad():
            latents = modules["vqgan"].encode(self.pictures.composed(self.layout)).latents
        scaled = networks.vqgan(scale_factor=round(latents.std().item(), 3)).to(self.device).eval()
        scaled.load_state_dict(modules["vqgan"].state_dict())
        return scaled, done

    def decoder(self, minutes):
        vqgan = self.scaled_vqgan()[0] if minutes else None

        def show(average):
            exact = self.compressor(self.pictures.composed(self.layout, SIDE // 2))
            drawn = drawing.pictures(average["decoder"], vqgan, exact, self.codes[1].of(self.shown))
            sheet.write(self.work / "b.png", sheet.from_tensor(drawn))

        return stages.train_decoder(self.path("decoder"), self.examples, vqgan, self.compressor, self.codes[1], **self._budget(minutes, show))

    def text(self, minutes):
        return stages.train_text(self.path("text"), self.examples, self.things, self.tokenizer, self.codes, **self._budget(minutes, self._told))

    def _told(self, average):
        """Prints how often the code that is said is nearest to that of the thing, of captions whose templates are not trained on."""
        state = torch.get_rng_state()
        torch.manual_seed(2)
        asked = self.sampler.ask(512)
        ids, mask = tokenizer.encoded(self.tokenizer, captions(self.things, asked, random.Random(2), held=True))
        torch.set_rng_state(state)
        with torch.no_grad():
            states = average["text_encoder"](ids.to(self.device), attention_mask=mask.to(self.device)).last_hidden_state
        right = self.codes[0].read(states, asked.to(self.device))
        print("text: " + ", ".join(f"{100 * share:.1f} % of {what}" for what, share in right.items()) + " are said right", flush=True)

    def prior(self, minutes):
        def show(average):
            drawn = drawing.latents(average["prior"], self.codes[0].of(self.shown), self.codes[0].nothing)
            sheet.write(self.work / "c.png", sheet.from_tensor(self.compressor.restored(drawn)))

        return stages.train_prior(self.path("prior"), self.examples, self.compressor, self.codes[0], **self._budget(minutes, show))

    def psnr(self, vqgan):
        with torch.no_grad():
            clean = self.pictures.composed(self.layout)
            return -10 * (vqgan(clean).sample.clamp(0, 1) - clean).square().mean().log10().item()

    def export(self):
        options, name = self.options, self.options.out.resolve().name
        vqgan, done_a = self.scaled_vqgan()
        (decoder, done_b), (text, done_text), (prior, done_c) = self.decoder(0), self.text(0), self.prior(0)
        emoji = options.pictures is None
        run = {
            "name": name,
            "title": options.title or ("Emoji" if emoji else name),
            "title_ru": options.title or ("Эмодзи" if emoji else name),
            "licence": options.licence or ("MIT" if emoji else "not stated"),
            "languages": ["en"] + (["ru"] if any(thing.ru for thing in self.things) else []),
            "emoji": emoji,
            "things": self.things,
            "clear": self.sampler.clear.tolist(),
            "pictures": len(self.pictures),
            "variance": self.compressor.variance,
            "psnr": self.psnr(vqgan),
            "before": (self.work / BEFORE).read_text() if (self.work / BEFORE).exists() else "",
            "done": {"vqgan": done_a, "decoder": done_b, "text": done_text, "prior": done_c},
        }
        parts = {
            "prior": {"text_encoder": text["text_encoder"], "prior": prior["prior"]},
            "decoder": {"text_encoder": text["decoder_text_encoder"], "decoder": decoder["decoder"], "vqgan": vqgan},
        }
        with locked(self.work):
            export.write(options.out, self.work, parts, run)
