"""The losses of the four stages."""

import random

import torch
from diffusers import DDPMWuerstchenScheduler
from torch import nn
from torch.nn import functional

from . import networks
from .captions import captions
from .loop import train
from .pictures import SIDE
from .tokenizer import encoded

CROP = 128  # pixels a side of what stage A sees of a picture
DROPPED = 0.1  # share of pictures about which the prior is told nothing, for guidance
INEXACT = 0.15  # of the codes that the text encoders give
ON_CPU = {"vqgan": 16, "decoder": 16, "text": 128, "prior": 48}  # pictures of a step
ON_GPU = {"vqgan": 64, "decoder": 256, "text": 1024, "prior": 1024}


def sizes(device):
    return ON_GPU if device.type == "cuda" else ON_CPU


class Pool:
    """Examples for a stage on a processor, which would spend most of its time on making new ones: a quarter of each batch replaces older ones.
    With a GPU all are new."""

    def __init__(self, make, size, device):
        self.make, self.size, self.gpu = make, size, device.type == "cuda"
        self.kept, self.next = None, 0

    def draw(self, count):
        """`make(count)`: a tuple of tensors whose first dimension is `count`."""
        if self.gpu:
            return self.make(count)
        if self.kept is None:
            parts = [self.make(32) for _ in range(self.size // 32)]
            self.kept = [torch.cat(part) for part in zip(*parts, strict=True)]
        fresh = self.make(max(1, count // 4))
        places = (self.next + torch.arange(len(fresh[0]))) % len(self.kept[0])
        self.next = int(places[-1]) + 1
        for part, new in zip(self.kept, fresh, strict=True):
            part[places] = new
        chosen = torch.randint(len(self.kept[0]), (count,))
        return tuple(part[chosen] for part in self.kept)


class Examples:
    """Random pictures and what is asked for, on a device. `pool`: number of examples that stages on a processor keep."""

    def __init__(self, pictures, sampler, device, pool=3072):
        self.pictures, self.sampler, self.device, self.pool = pictures, sampler, device, pool

    def draw(self, count, side):
        asked = self.sampler.ask(count)
        scenes = self.sampler.lay_out(asked).to(self.device)
        return asked.to(self.device), self.pictures.composed(scenes, side)


def train_vqgan(path, examples, **budget):
    device = examples.device
    modules = nn.ModuleDict({"vqgan": networks.vqgan().to(device)})
    model = modules["vqgan"].to(memory_format=torch.channels_last)
    model.vquantizer.requires_grad_(False)  # latents are not quantised

    def crops():
        wholes = examples.draw(sizes(device)["vqgan"] // 4, SIDE)[1]
        corners = torch.randint(0, SIDE - CROP + 1, (4, 2)).tolist()
        return torch.cat([wholes[:, :, top : top + CROP, left : left + CROP] for top, left in corners])

    def loss():
        clean = crops().contiguous(memory_format=torch.channels_last)
        with networks.quick(device):
            latents = model.encode(clean).latents
            drawn = model.decode(latents + 0.05 * torch.randn_like(latents)).sample.float()  # makes it robust to imperfect latents of stage B
        edges = sum(functional.l1_loss(drawn.diff(dim=axis), clean.diff(dim=axis)) for axis in (2, 3))
        return functional.l1_loss(drawn, clean) + 4 * functional.mse_loss(drawn, clean) + edges

    return train(path, modules, loss, rate=1e-3, device=device, **budget)


def train_decoder(path, examples, vqgan, compressor, codes, **budget):
    """`vqgan`: stage A's, which knows its scale; `codes`: those of the decoder's text encoder."""
    device = examples.device
    decoder, scheduler = networks.decoder().to(device), DDPMWuerstchenScheduler()

    @torch.no_grad()
    def make(count):
        asked, clean = examples.draw(count, SIDE)
        with networks.quick(device):
            targets = vqgan.encode(clean).latents.float() / vqgan.config.scale_factor
        return targets, compressor(functional.avg_pool2d(clean, 2)), codes.of(asked, INEXACT, DROPPED)

    pool = Pool(make, examples.pool, device)

    def loss():
        clean, effnet, words = pool.draw(sizes(device)["decoder"])
        size = len(clean)
        effnet = effnet + 0.3 * torch.rand(size, 1, 1, 1, device=device) * torch.randn_like(effnet)  # the prior's latents will not be perfect either
        effnet = effnet * (torch.rand(size, 1, 1, 1, device=device) >= 0.05)
        times = torch.rand(size, device=device)
        times = torch.where(torch.rand(size, device=device) < 0.5, 0.6 + 0.4 * times, times).clamp_min(0.001)
        noise = torch.randn_like(clean)
        noisy = scheduler.add_noise(clean, noise, times)
        with networks.quick(device):
            predicted = decoder(noisy, times, effnet, words)
        # Over the square root of the signal's share: what is drawn first, out of noise alone, counts as much as the last touches do.
        share = scheduler._alpha_cumprod(times, device).view(-1, 1, 1, 1)
        return ((predicted.float() - noise).square() / share.clamp_min(0.05)).mean()

    return train(path, nn.ModuleDict({"decoder": decoder}), loss, rate=1e-3, device=device, **budget)


def columns(mask, slots):
    """The tokens of a batch that are worth computing: words, the last `slots` of the padding, and two of the padding between, whose tokens are all
    alike: padding is seen by no other token."""
    length, words = mask.shape[1], int(mask.sum(1).max())
    end = max(words, length - slots)
    between = words + torch.randperm(max(0, end - words))[:2].sort().values
    return torch.cat([torch.arange(words), between, torch.arange(end, length)]).to(mask.device)


def train_text(path, examples, things, tokenizer, codes, **budget):
    """Both text encoders learn to say the codes of captions. `codes`: of the prior's and of the decoder's."""
    device, vocabulary = examples.device, len(tokenizer)
    modules = nn.ModuleDict({"text_encoder": networks.prior_text_encoder(vocabulary), "decoder_text_encoder": networks.decoder_text_encoder(vocabulary)})
    modules.to(device)

    def make(count):
        asked = examples.sampler.ask(count)
        choose = random.Random(int(torch.randint(2**31, ())))
        return asked, *encoded(tokenizer, captions(things, asked, choose))

    batch = sizes(device)["text"]
    kept = {}

    def drawn():
        if device.type != "cuda":
            return make(batch)
        if kept.get("left", 0) == 0:  # writing captions takes longer than learning from them
            kept.update(made=make(200 * batch), left=1500)
        kept["left"] -= 1
        chosen = torch.randint(200 * batch, (batch,))
        return tuple(part[chosen] for part in kept["made"])

    def loss():
        asked, ids, mask = (part.to(device) for part in drawn())
        ids[0], mask[0] = ids.new_full(ids.shape[1:], vocabulary - 1), 0  # an empty caption, of which nothing is known
        ids[0, 0], mask[0, :2] = vocabulary - 2, 1
        total = 0
        for encoder, said in zip(modules.values(), codes, strict=True):
            slots = len(said.slots)
            chosen = columns(mask, slots)
            wanted = said.of(asked)[:, chosen]
            wanted[0] = said.nothing
            with networks.quick(device):
                states = encoder(ids[:, chosen], attention_mask=mask[:, chosen], position_ids=chosen[None]).last_hidden_state
            errors = (states.float() - wanted).square().mean((0, 2))
            total = total + errors[-slots:].mean() + 0.1 * errors[:-slots].mean() + 0.3 * said.confusion(states[1:].float(), asked[1:])
        return total

    return train(path, modules, loss, rate=1e-3, device=device, **budget)


def train_prior(path, examples, compressor, codes, **budget):
    """The prior answers (x - a) / |1 - b|, which is the noise where a is the signal in x and 1 - b the noise's share. Both are known, so both
    are asked for: an error of the quotient explodes where b comes near 1, and learns things far later."""
    device = examples.device
    prior, scheduler = networks.prior().to(device), DDPMWuerstchenScheduler()

    @torch.no_grad()
    def make(count):
        asked, clean = examples.draw(count, SIDE // 2)
        return compressor(clean), codes.of(asked, INEXACT, DROPPED)

    pool = Pool(make, examples.pool, device)

    def loss():
        clean, words = pool.draw(sizes(device)["prior"])
        noise, times = torch.randn_like(clean), torch.rand(len(clean), device=device)
        share = scheduler._alpha_cumprod(times, device).view(-1, 1, 1, 1)
        answers = []
        hook = prior.out.register_forward_hook(lambda module, given, output: answers.append(output))
        with networks.quick(device):
            prior(scheduler.add_noise(clean, noise, times), times, words)
        hook.remove()
        a, b = answers[0].chunk(2, dim=1)
        signal_error, noise_error = a - share.sqrt() * clean, b - 1 + (1 - share).sqrt()
        return (signal_error.square() / share.clamp_min(0.01) + noise_error.square() / torch.minimum(share, 1 - share).clamp_min(0.01)).mean()

    return train(path, nn.ModuleDict({"prior": prior}), loss, rate=1e-3, device=device, **budget)
