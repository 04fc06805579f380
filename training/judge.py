"""Recognises things and backgrounds in pictures by comparison with composed ones."""

import torch
from torch.nn import functional

from .pictures import SIDE
from .scenes import Asked

REDUCED = 32  # pixels a side at which pictures are compared
FRAME = 2  # of those, at the edge


def reduced(pictures):
    return functional.interpolate(pictures, REDUCED, mode="area")


def frame(pictures):
    """The edges of reduced pictures, [B, values]."""
    inner = torch.zeros(REDUCED, REDUCED, dtype=torch.bool)
    inner[FRAME:-FRAME, FRAME:-FRAME] = True
    return pictures[:, :, ~inner].flatten(1)


class Judge:
    def __init__(self, pictures, sampler):
        self.pictures, self.sampler = pictures, sampler
        behind = pictures.behind[SIDE // 4]
        self.variants = behind.shape[1]
        self.frames = frame(reduced(behind.flatten(0, 1).float() / 255))

    def background(self, picture):
        """The number of the background whose edge is most like that of a picture [3, H, W]."""
        seen = frame(reduced(picture[None]))
        return int((self.frames - seen).abs().sum(1).argmin()) // self.variants

    def things(self, picture, asked):
        """The things that are nearest to what a picture shows where `asked`, a batch of one, lays them out: every thing is composed there in the
        same style, the same size and over the same background, and compared."""
        single = bool(asked.thing[0, 1] < 0)
        every = torch.arange(self.sampler.things) if single else self.sampler.free
        behind = int(asked.background) if asked.background >= 0 else self.background(picture)
        others = torch.full_like(every, -1) if single else every.roll(1)
        grid = Asked(torch.stack([every, others], 1), asked.style.expand(len(every)), torch.full_like(every, behind),
                     asked.size.expand(len(every)), asked.place.expand(len(every)))  # fmt: skip
        known = reduced(self.pictures.composed(self.sampler.lay_out(grid, jitter=False), SIDE // 4))
        distance = (known - reduced(picture[None])).square().sum(1)
        if single:
            return [int(distance.sum((1, 2)).argmin())]
        left, right = distance[:, :, : REDUCED // 2].sum((1, 2)).argmin(), distance[:, :, REDUCED // 2 :].sum((1, 2)).argmin()
        return [int(every[left]), int(others[right])]

