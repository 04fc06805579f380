"""What the text encoders say: fixed codes of things, backgrounds and layouts, in the last tokens of a prompt.

A text encoder learns to give these codes, and the prior and the decoder to draw from them, each without the other: both tasks are far easier than
to draw from words. Tokens that have no code say nothing, always in the same way. The code of a thing in a style is the principal components of
its pictures, so the prior draws things alike that look alike, and what it learns of one holds for all."""

import torch
from torch.nn import functional

from .backgrounds import BACKGROUNDS
from .pictures import SIDE

FILE = "codes.safetensors"
REDUCED = 32  # pixels a side of the sprites whose principal components are taken
SHARP = 20.0  # of the cosines of codes, as logits
TAG = 16  # numbers that tell the tokens apart
FIRST, SECOND, LAYOUT = ("a1", "a2"), ("b1", "b2"), "layout"
PRIOR, DECODER = (*FIRST, *SECOND, LAYOUT), ("a1", "b1")  # the last tokens of each text encoder, from the end


def signs(name, *shape):
    """Fixed random numbers, -1 or 1, of a name."""
    generator = torch.Generator().manual_seed(sum(ord(letter) * 31**place for place, letter in enumerate(name)))
    return torch.randint(2, shape, generator=generator).float() * 2 - 1


def normalised(vector):
    """As the text encoder's last layer gives it."""
    return functional.layer_norm(vector, vector.shape[-1:])


def small(pictures):
    """Reduced sprites, each flat."""
    parts = [functional.avg_pool2d(part[:, :4].float(), SIDE // 2 // REDUCED).flatten(1) / 255 for part in pictures.sprites[SIDE // 2].split(256)]
    return torch.cat(parts)


class Codes:
    """`things` [parts, things x styles, width - TAG]: the components of every thing in every style, in parts of a token each. `slots`: PRIOR or
    DECODER."""

    def __init__(self, pictures, components, mean, width, slots, length):
        self.width, self.slots, self.length, self.styles = width, slots, length, int(pictures.style.max()) + 1
        payload = width - TAG
        reduced = small(pictures)
        group = pictures.thing * self.styles + pictures.style
        members = functional.one_hot(group, pictures.count * self.styles).float()
        means = members.T @ reduced / members.sum(0)[:, None].clamp_min(1)
        parts = (means - mean) @ components
        parts = functional.pad(parts, (0, max(0, 2 * payload - parts.shape[1])))
        self.things = torch.stack([parts[:, :payload], parts[:, payload : 2 * payload]])
        device = reduced.device
        self.tags = {slot: signs(f"tag {slot}", TAG).to(device) for slot in (*PRIOR, "nothing")}
        self.behind = signs("backgrounds", len(BACKGROUNDS) + 1, payload).to(device)  # the last: not said
        self.sizes, self.places, self.two = (signs(name, 3, payload).to(device) for name in ("sizes", "places", "two"))
        self.nothing = normalised(torch.cat([self.tags["nothing"], torch.zeros(payload, device=device)]))

    @staticmethod
    def components(pictures, most):
        """The principal components of the sprites and their mean; scaled so that no few of them dominate, and all of them have unit power."""
        reduced = small(pictures)
        mean = reduced.mean(0)
        _, values, vectors = torch.linalg.svd(reduced - mean, full_matrices=False)
        kept = values > 1e-3 * values[0]
        values, vectors = values[kept][:most], vectors[kept][:most].T
        deviation = values / len(reduced) ** 0.5
        scaled = vectors / deviation.sqrt()
        return scaled / deviation.mean().sqrt(), mean  # after the scaling the variances are the deviations

    def of(self, asked, noise=0.0, dropped=0.0):
        """[B, length, width] for scenes.Asked. `noise`: of the codes of things and layout, since no text encoder is exact; `dropped`: share of
        pictures about which nothing is said."""
        count, device = len(asked), self.nothing.device
        result = self.nothing.expand(count, self.length, self.width).clone()
        one, other = (asked.thing[:, place] * self.styles + asked.style for place in range(2))
        second = asked.thing[:, 1] >= 0
        payloads = {slot: self.things[part, one] for part, slot in enumerate(FIRST)}
        payloads |= {slot: self.things[part, other.clamp_min(0)] for part, slot in enumerate(SECOND)}
        payloads[LAYOUT] = self._layout(asked, asked.background)
        said = torch.rand(count, device=device) >= dropped
        for place, slot in enumerate(self.slots):
            payload = payloads[slot]
            code = self._full(slot, payload + noise * torch.randn_like(payload))
            present = said & second if slot in SECOND else said
            result[:, self.length - 1 - place] = torch.where(present[:, None], code, self.nothing)
        return result

    def _layout(self, asked, background):
        second = (asked.thing[:, 1] >= 0).long()
        return (self.behind[background] + self.sizes[asked.size] + self.places[asked.place] + self.two[second]) / 2

    def _full(self, slot, payload):
        return normalised(torch.cat([self.tags[slot].expand(*payload.shape[:-1], -1), payload], -1))

    def likeness(self, states, number):
        """Of states [B, tokens, width] whose last tokens are the slots: cosines [B, things x styles] of what they say of the first or second
        thing, `number` 0 or 1, with the codes of all things in all styles."""
        slots = [slot for slot in (FIRST, SECOND)[number] if slot in self.slots]
        known = torch.cat([self._full(slot, self.things[part]) for part, slot in enumerate(slots)], 1)
        said = torch.cat([states[:, -1 - self.slots.index(slot)] for slot in slots], 1)
        return functional.normalize(said, dim=1) @ functional.normalize(known, dim=1).T

    def confusion(self, states, asked):
        """How far the nearest codes are from being those of the right things: a cross-entropy, which learns far faster than an error of codes."""
        total = 0
        for number in range(2):
            present = (asked.thing[:, number] >= 0).nonzero()[:, 0]
            if len(present):
                right = (asked.thing[:, number] * self.styles + asked.style)[present]
                total = total + len(present) / len(asked) * functional.cross_entropy(SHARP * self.likeness(states[present], number), right)
        return total

    def read(self, states, asked):
        """Of states [B, length, width] of the prior's text encoder: the share whose nearest codes are right, {what: share}."""
        result = {}
        for number, what in enumerate(("things", "second things")):
            nearest, asked_for = self.likeness(states, number).argmax(1), asked.thing[:, number]
            present = asked_for >= 0
            if present.any():
                result[what] = (nearest // self.styles == asked_for)[present].float().mean().item()
                result[f"styles of {what}"] = (nearest % self.styles == asked.style)[present].float().mean().item()
        layouts = [self._full(LAYOUT, self._layout(asked, torch.full_like(asked.background, number))) for number in range(-1, len(BACKGROUNDS))]
        said = states[:, self.length - 1 - self.slots.index(LAYOUT)]
        nearest = (torch.stack(layouts, 1) - said[:, None]).square().sum(2).argmin(1) - 1
        return result | {"backgrounds": (nearest == asked.background).float().mean().item()}
