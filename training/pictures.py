"""Pictures as tensors: each in several placings, over any colour."""

import numpy as np
import torch
from PIL import Image, ImageOps

from .captions import COLOURS

SIDE = 128
PLACINGS, MOST = 4, 8000


def placings(things):
    """How many pictures are made for each thing, at least: four, fewer where things are so many that memory would not do."""
    return max(1, min(PLACINGS, MOST // len(things)))


def placed(picture, seed):
    """A see-through picture at a size and place of its own (seed 0: in the middle); any other cut to a square, faced either way.

    A see-through one keeps its facing: a small prior draws between two facings what is neither."""
    random = np.random.default_rng(seed)
    if picture.getextrema()[3][0] == 255:
        whole = ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS)
        return ImageOps.mirror(whole) if seed and random.random() < 0.5 else whole
    side = round(SIDE * (random.uniform(0.76, 0.88) if seed else 0.82))
    whole = Image.new("RGBA", (SIDE, SIDE))
    free = SIDE - side
    place = [free // 2 + int(random.integers(-5, 6) if seed else 0) for _ in range(2)]
    whole.paste(picture.resize((side, side), Image.Resampling.LANCZOS), tuple(place))
    return whole


class Pictures:
    """`ink` [N, 3, 128, 128], what a picture shows, and `gap` [N, 1, 128, 128], how much of the colour behind it; both bytes. Picture n is
    of thing `thing[n]`; `coloured[t]` says whether thing t is see-through, hence has a colour behind it."""

    def __init__(self, things, placings):
        ink, gap, owner = [], [], []
        for number, thing in enumerate(things):
            for index in range(max(placings, len(thing.pictures))):
                with Image.open(thing.pictures[index % len(thing.pictures)]) as file:
                    picture = placed(file.convert("RGBA"), index // len(thing.pictures))
                pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()
                ink.append((pixels[:3] * pixels[3:] / 255).round().byte())
                gap.append((255 - pixels[3:]).byte())
                owner.append(number)
        self.ink, self.gap, self.thing = torch.stack(ink), torch.stack(gap), torch.tensor(owner)
        self.count = len(things)
        clear = self.gap.flatten(1).amax(1) > 0
        self.coloured = torch.stack([clear[self.thing == number].all() for number in range(self.count)])
        self.palette = torch.tensor([colour.rgb for colour in COLOURS]).float()

    def __len__(self):
        return len(self.thing)

    def over(self, pictures, colours):
        """[B, 3, 128, 128] in 0..1 of pictures [B] over colours [B], numbers in COLOURS."""
        behind = self.palette[colours][:, :, None, None] / 255
        return (self.ink[pictures].float() + behind * self.gap[pictures].float()) / 255
