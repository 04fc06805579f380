"""What a picture is to show, at random: things, style, background, size and place; and how it is then laid out."""

from dataclasses import dataclass, fields

import torch

from .backgrounds import BACKGROUNDS, COLOURS, VARIANTS
from .pictures import BIG, CENTRE, LEFT, PLAIN, RIGHT, SMALL, Scenes

STYLE_SHARES = (0.6, 0.22, 0.18)
TWO, UNSAID, SCENIC, WHITE = 0.3, 0.25, 0.45, 0.4  # shares: of two things; no background asked for; scenes among those; white where none is
SIZES = {PLAIN: 0.76, BIG: 0.1, SMALL: 0.14}
PLACES = {CENTRE: 0.84, LEFT: 0.08, RIGHT: 0.08}


@dataclass
class Asked:
    """What B pictures are asked to show; tensors [B], or [B, 2] for up to two things, of which the second may be -1."""

    thing: torch.Tensor
    style: torch.Tensor
    background: torch.Tensor  # -1: not said
    size: torch.Tensor
    place: torch.Tensor

    def __len__(self):
        return len(self.style)

    def __getitem__(self, chosen):
        return Asked(*(getattr(self, part.name)[chosen] for part in fields(self)))

    def to(self, device):
        return Asked(*(getattr(self, part.name).to(device, non_blocking=True) for part in fields(self)))


def among(shares, count):
    return torch.multinomial(torch.tensor(list(shares)), count, replacement=True)


class Sampler:
    """Draws what to ask for, with torch's random numbers on the processor, and lays it out."""

    def __init__(self, pictures):
        self.things, self.styles = pictures.count, int(pictures.style.max()) + 1
        rows = [[[] for _ in range(self.styles)] for _ in range(self.things)]
        for row, (thing, style) in enumerate(zip(pictures.thing.tolist(), pictures.style.tolist(), strict=True)):
            rows[thing][style].append(row)
        self.counts = torch.tensor([[len(each) for each in styles] for styles in rows])
        most = int(self.counts.max())
        self.rows = torch.tensor([[each + each[:1] * (most - len(each)) for each in styles] for styles in rows])
        clear = pictures.clear.cpu()
        self.clear = torch.stack([clear[styles[0]].all() for styles in rows])
        self.free = self.clear.nonzero()[:, 0]  # the things that can stand beside another

    def ask(self, count):
        thing = torch.randint(self.things, (count,))
        clear = self.clear[thing]
        other = torch.full((count,), -1)
        if len(self.free) > 1:
            drawn = self.free[torch.randint(len(self.free), (count,))]
            other = torch.where(clear & (drawn != thing) & (torch.rand(count) < TWO), drawn, other)
        single = clear & (other < 0)
        scenic = torch.rand(count) < SCENIC
        behind = torch.where(scenic, torch.randint(len(COLOURS), len(BACKGROUNDS), (count,)), torch.randint(len(COLOURS), (count,)))
        return Asked(
            torch.stack([thing, other], 1),
            among(STYLE_SHARES[: self.styles], count),
            torch.where(clear & (torch.rand(count) >= UNSAID), behind, -1),
            torch.where(single, among(SIZES.values(), count), PLAIN),
            torch.where(single, among(PLACES.values(), count), CENTRE),
        )

    def lay_out(self, asked, jitter=True):
        """Scenes that show what is asked for; what is not said is drawn at random, or for `jitter` False always the same."""
        count = len(asked)
        chosen = (torch.rand(count, 2) * self.counts[asked.thing, asked.style[:, None]]).long()
        row = torch.where(asked.thing >= 0, self.rows[asked.thing, asked.style[:, None], chosen], -1)
        plain = torch.where(torch.rand(count) < WHITE, 0, torch.randint(len(COLOURS), (count,)))
        return Scenes(
            row,
            torch.where(asked.background >= 0, asked.background, plain if jitter else 0),
            torch.randint(VARIANTS, (count,)) if jitter else torch.zeros(count, dtype=torch.long),
            asked.size,
            asked.place,
            torch.rand(count, 2, 3) * 2 - 1 if jitter else torch.zeros(count, 2, 3),
        )
