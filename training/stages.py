"""The losses of the stages."""

import torch
from diffusers import DDPMWuerstchenScheduler
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from transformers import CLIPTokenizer

from . import networks
from .captions import COLOURS
from .loop import begin, train
from .tokenizer import LENGTH

EMPTY = 0.1  # fraction of empty captions, for guidance
OFTEN = 4  # times more


class Batches:
    """Random pictures over random colours, with captions."""

    def __init__(self, pictures, captions):
        self.pictures, self.captions = pictures, captions
        self.often = 1 + OFTEN * (pictures.glow > 0)

    def draw(self, size):
        """Pictures [B] and colours [B]: every thing as often as any other, most often over what it hardly stands out from."""
        things = torch.randint(self.pictures.count, (size,))
        order = torch.rand(size, len(self.pictures)).masked_fill(self.pictures.thing != things[:, None], -1)
        return order.argmax(1), torch.multinomial(self.often[things].float(), 1)[:, 0]

    def words(self, pictures, colours):
        """Ids, mask: one of four see-through pictures goes without its colour's name, any other picture always."""
        things = self.pictures.thing[pictures]
        named = self.pictures.coloured[things] & (torch.rand(len(things)) >= 0.25)
        return self.captions.draw(things, torch.where(named, colours, len(COLOURS)), EMPTY)


def train_vqgan(path, batches, **budget):
    modules = nn.ModuleDict({"vqgan": networks.vqgan()})
    model = modules["vqgan"].to(memory_format=torch.channels_last)
    model.vquantizer.requires_grad_(False)  # latents are not quantised

    def loss():
        clean = batches.pictures.over(*batches.draw(16)).contiguous(memory_format=torch.channels_last)
        with networks.quick():
            latents = model.encode(clean).latents
            drawn = model.decode(latents + 0.05 * torch.randn_like(latents)).sample.float()  # makes it robust to imperfect latents of stage B
        return functional.l1_loss(drawn, clean) + 4 * functional.mse_loss(drawn, clean)

    return train(path, modules, loss, rate=1e-3, **budget)


@torch.no_grad()
def encoded(vqgan, pictures):
    """Latents of every picture over every colour, f16 [N, colours, 4, 32, 32], and their standard deviation."""
    every = torch.arange(len(COLOURS))
    latents = torch.stack([vqgan.encode(pictures.over(torch.full_like(every, n), every)).latents.half() for n in range(len(pictures))])
    return latents, latents.float().std().item()


def train_decoder(path, batches, targets, latents, **budget):
    """`targets`: what encoded() gave, over its deviation; `latents`: the compressor's."""
    text, decoder = networks.decoder_text_encoder(batches.captions.vocabulary), networks.decoder()
    scheduler = DDPMWuerstchenScheduler()

    def loss(size=24):
        pictures, colours = batches.draw(size)
        ids, mask = batches.words(pictures, colours)
        with networks.quick():
            words = text(ids, attention_mask=mask).last_hidden_state
        effnet = latents.over(pictures, colours)
        effnet = effnet + 0.3 * torch.rand(size, 1, 1, 1) * torch.randn_like(effnet)  # the prior's latents will not be perfect either
        effnet = effnet * (torch.rand(size, 1, 1, 1) >= 0.05)
        times = torch.where(torch.rand(size) < 0.5, 0.6 + 0.4 * torch.rand(size), torch.rand(size)).clamp_min(0.001)
        clean = targets[pictures, colours].float()
        noise = torch.randn_like(clean)
        noisy = scheduler.add_noise(clean, noise, times)
        with networks.quick():
            predicted = decoder(noisy, times, effnet, words)
        # Over the square root of the signal's share: what is drawn first, out of noise alone, counts as much as the last touches do.
        share = scheduler._alpha_cumprod(times, clean.device).view(-1, 1, 1, 1)
        return ((predicted.float() - noise).square() / share.clamp_min(0.05)).mean()

    return train(path, nn.ModuleDict({"text_encoder": text, "decoder": decoder}), loss, rate=1e-3, **budget)


def load(network, folder):
    """Loads weights of a model's folder into a network, as f32."""
    (file,) = folder.glob("*.safetensors")
    network.load_state_dict({name: weight.float() for name, weight in load_file(file).items()})
    return network


def begin_all(work, stages):
    """Creates a state for each of the stages {name: {module: network}} that has none in `work`."""
    for stage, networks_of in stages.items():
        if not (work / f"{stage}.pt").exists():
            begin(work / f"{stage}.pt", nn.ModuleDict(networks_of))


def begin_from(model, work, vocabulary, things):
    """Creates a state from the weights of a model folder for every stage that has none in `work`."""
    prior_text = load(networks.prior_text_encoder(vocabulary), model / "prior/text_encoder")
    decoder_text = load(networks.decoder_text_encoder(vocabulary), model / "decoder/text_encoder")
    begin_reworded(model, work, prior_text, decoder_text)
    begin_all(work, {"text": {"text_encoder": prior_text, "reader": Reader(things)}})


def begin_reworded(model, work, prior_text, decoder_text):
    """The same with text encoders that were trained anew."""
    begin_all(work, {
        "vqgan": {"vqgan": load(networks.vqgan(), model / "decoder/vqgan")},
        "decoder": {"text_encoder": decoder_text, "decoder": load(networks.decoder(), model / "decoder/decoder")},
        "prior": {"text_encoder": prior_text, "prior": load(networks.prior(), model / "prior/prior")},
    })  # fmt: skip


@torch.no_grad()
def taught(network, tokenizer, things):
    """The states [things, colours + 1, tokens, width] of a trained text encoder for plain captions of every thing over every colour, those for
    the empty caption [tokens, width], and where they are padding [things, colours + 1, tokens]."""
    captions = [""]
    for thing in things:
        captions += [f"{thing.en[0]} on a {colour.en} background" for colour in COLOURS] + [thing.en[0]]
    tokens = tokenizer(captions, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
    states = torch.cat([network(ids, attention_mask=mask).last_hidden_state
                        for ids, mask in zip(tokens.input_ids.split(256), tokens.attention_mask.split(256), strict=True)])  # fmt: skip
    grid = (len(things), len(COLOURS) + 1)
    return states[1:].unflatten(0, grid), states[0], (tokens.attention_mask[1:] == 0).unflatten(0, grid)


class Reader(nn.Module):
    """Classifies the thing and colour of a caption; used only in training."""

    def __init__(self, things):
        super().__init__()
        self.thing = nn.Linear(networks.PRIOR_TEXT, things)
        self.colour = nn.Linear(networks.PRIOR_TEXT, len(COLOURS) + 1)

    def forward(self, hidden, mask):
        mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return self.thing(mean), self.colour(mean)


def lessons(model, things):
    """taught() of a model's two text encoders."""
    tokenizer = CLIPTokenizer.from_pretrained(model / "prior/tokenizer")
    vocabulary = len(tokenizer)
    made = {"prior": networks.prior_text_encoder(vocabulary), "decoder": networks.decoder_text_encoder(vocabulary)}
    return [taught(load(network, model / part / "text_encoder").eval(), tokenizer, things) for part, network in made.items()]


def train_text(path, batches, lessons=None, seconds=0, **budget):
    """The prior's text encoder learns to tell things and colours, and no more: minutes spare the prior hours.

    `lessons`: what taught() says of the two text encoders of a model with another vocabulary. New ones learn to give the same states, mainly
    those of the padding, so that the model's prior and decoder understand them."""
    vocabulary = batches.captions.vocabulary
    text, reader = networks.prior_text_encoder(vocabulary), Reader(batches.pictures.count)
    modules = nn.ModuleDict({"text_encoder": text, "reader": reader})
    if lessons:
        modules["decoder_text_encoder"] = networks.decoder_text_encoder(vocabulary)

    def unlike(states, mask, ids, lesson, things, colours):
        wanted, empty, padding = lesson
        nothing = (ids[:, 1] == vocabulary - 1)[:, None, None]
        weight = torch.where((mask == 0) & padding[things, colours], 1.0, 0.1)
        error = (states - torch.where(nothing, empty, wanted[things, colours])).square().mean(2)
        return (weight * error).sum() / weight.sum()

    def loss(size=128):
        pictures, colours = batches.draw(size)
        things = batches.pictures.thing[pictures]
        colours = colours.where(batches.pictures.coloured[things] & (torch.rand(size) >= 0.25), torch.tensor(len(COLOURS)))
        ids, mask = batches.captions.draw(things, colours, 0.02 if lessons else 0.0)
        told = ids[:, 1] != vocabulary - 1
        with networks.quick():
            hidden = text(ids, attention_mask=mask).last_hidden_state
        thing, colour = reader(hidden.float(), mask)
        total = functional.cross_entropy(thing[told], things[told]) + functional.cross_entropy(colour[told], colours[told])
        if lessons:
            other = modules["decoder_text_encoder"](ids, attention_mask=mask).last_hidden_state
            total = total + 10 * unlike(hidden.float(), mask, ids, lessons[0], things, colours)
            total = total + 10 * unlike(other, mask, ids, lessons[1], things, colours)
        return total

    return train(path, modules, loss, rate=1e-3, seconds=seconds, **budget)


def train_prior(path, batches, latents, text, rate=1.5e-3, **budget):
    """`text`: the text encoder as train_text left it; it stays so.

    The prior answers (x - a) / |1 - b|, which is the noise where a is the signal in x and 1 - b the noise's share. Both are known, so both
    are asked for: an error of the quotient explodes where b comes near 1, and learns things far later."""
    prior, scheduler = networks.prior(), DDPMWuerstchenScheduler()

    def loss(size=64):
        pictures, colours = batches.draw(size)
        ids, mask = batches.words(pictures, colours)
        clean = latents.over(pictures, colours)
        noise, times = torch.randn_like(clean), torch.rand(size)
        share = scheduler._alpha_cumprod(times, clean.device).view(-1, 1, 1, 1)
        with networks.quick():
            with torch.no_grad():
                words = text(ids, attention_mask=mask).last_hidden_state
            answers = []
            hook = prior.out.register_forward_hook(lambda module, given, output: answers.append(output))
            prior(scheduler.add_noise(clean, noise, times), times, words)
            hook.remove()
        a, b = answers[0].chunk(2, dim=1)
        signal_error, noise_error = a - share.sqrt() * clean, b - 1 + (1 - share).sqrt()
        return (signal_error.square() / share.clamp_min(0.01) + noise_error.square() / torch.minimum(share, 1 - share).clamp_min(0.01)).mean()

    modules = nn.ModuleDict({"text_encoder": text.requires_grad_(False), "prior": prior})
    return train(path, modules, loss, rate=rate, **budget)
